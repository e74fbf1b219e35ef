"""What the API speaks of, as Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A dossier. `monitored` is false once it was stopped; `complete` is None if it is unknown."""

    dossier_id: int
    reference: str
    siret: str | None
    monitored: bool
    complete: bool | None

    @classmethod
    def of(cls, wire: Mapping[str, Any]) -> Dossier:
        """The dossier as the API writes it; members unknown here are left alone.

        Raises:
            KeyError: a member is missing.
        """
        return cls(
            dossier_id=wire["dossierId"],
            reference=wire["dossierReference"],
            siret=wire["siret"],
            monitored=wire["monitored"],
            complete=wire["state"],
        )


@dataclass(frozen=True, slots=True)
class ApiError:
    """One reason of a refusal: `E201` and the like, with a message in the language of the API."""

    code: str
    message: str

    @classmethod
    def of(cls, wire: Mapping[str, Any]) -> ApiError:
        """The error as the API writes it."""
        return cls(wire["code"], wire.get("message", ""))

    def __str__(self) -> str:
        return f"{self.code} {self.message}"
