"""A client of the dossiers API: small enough to read, complete enough to work with.

with DossiersClient(environment, 119631) as client:
    process = client.import_dossier("99050000100013", "PO-1")
    client.wait_for(process, within=timedelta(minutes=2))
    [dossier] = client.dossiers(dossierReference="PO-1")
"""

from __future__ import annotations

from dossiers_client.client import DossiersClient
from dossiers_client.environment import Environment
from dossiers_client.errors import (
    DossiersError,
    ImportFailed,
    ImportStillRunning,
    LoginRefused,
    NotFound,
    Refused,
    Unavailable,
)
from dossiers_client.model import ApiError, Dossier

__all__ = [
    "ApiError",
    "Dossier",
    "DossiersClient",
    "DossiersError",
    "Environment",
    "ImportFailed",
    "ImportStillRunning",
    "LoginRefused",
    "NotFound",
    "Refused",
    "Unavailable",
]
