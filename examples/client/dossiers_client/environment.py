"""Where the API is and who logs in: all that differs between a sandbox and the real thing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`base_url` ends in `/api/v1`; `auth_url` is the authorisation server, without a path."""

    base_url: str
    auth_url: str
    username: str
    password: str = field(repr=False)

    @classmethod
    def from_variables(cls, variables: Mapping[str, str] = os.environ) -> Environment:
        """What `DOSSIERS_BASE_URL`, `DOSSIERS_AUTH_URL`, `DOSSIERS_USERNAME` and `DOSSIERS_PASSWORD` say.

        Raises:
            KeyError: one of them is missing.
        """
        return cls(
            base_url=variables["DOSSIERS_BASE_URL"],
            auth_url=variables["DOSSIERS_AUTH_URL"],
            username=variables["DOSSIERS_USERNAME"],
            password=variables["DOSSIERS_PASSWORD"],
        )
