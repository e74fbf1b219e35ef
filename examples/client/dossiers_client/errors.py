"""What can go wrong.

DossiersError
├── LoginRefused          user name or password are wrong
├── Refused               the API said no, and why: `errors`
│   └── NotFound          there is no such thing
├── ImportFailed          an import ended without a dossier: `errors`
├── ImportStillRunning    an import did not end in time
└── Unavailable           no answer, or none that can be understood: whether it was done is not known
"""

from __future__ import annotations

from collections.abc import Sequence

from dossiers_client.model import ApiError


class DossiersError(Exception):
    """Anything of the below."""


class LoginRefused(DossiersError):
    """The authorisation server rejected the login."""


class Unavailable(DossiersError):
    """No answer, or none that can be understood. Whether a command was carried out is not known."""


class ImportStillRunning(DossiersError):
    """The import did not end in the time that it was given; it may yet."""


class _WithErrors(DossiersError):
    def __init__(self, what: str, errors: Sequence[ApiError]) -> None:
        super().__init__(f"{what}: {'; '.join(map(str, errors)) or 'no reason was given'}")
        self.errors = tuple(errors)

    @property
    def codes(self) -> list[str]:
        """The codes of the errors, such as `E201`."""
        return [error.code for error in self.errors]


class Refused(_WithErrors):
    """The API understood, and said no."""


class NotFound(Refused):
    """There is no such thing in this account."""


class ImportFailed(_WithErrors):
    """The import ended, and there is no dossier."""
