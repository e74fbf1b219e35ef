"""A small world in which much falls due in May 2031, and what tests read of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.support import OTHER_SIRET, SIRET, THIRD_SIRET, Api, content

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2031, 5, 2, 10, tzinfo=PARIS)

RECIPE = f"""
version: 1
include: [catalogue]
defaultAccount: 119631
accounts: [{{accountId: 119631}}]
dossiers:
  - dossierId: 1          # complete; its vigilance certificate lapses first, then its IBAN
    siret: "{SIRET}"
    dossierReference: "LAPSES"
    startingDate: "2025-01-01T09:00:00"
    documents:
      - documentId: 11
        documentCode: ATT_VIGI
        files:
          - {{uploadDate: "2025-02-01T08:30:00", expirationDate: "2031-05-04"}}
          - {{uploadDate: "2025-02-02T08:30:00", expirationDate: "2031-05-10"}}
      - {{documentId: 12, documentCode: JUSTIF_IMM, files: [{{uploadDate: "2025-02-03T08:30:00"}}]}}
      - documentId: 13
        documentCode: RIB_IBAN
        files: [{{uploadDate: "2025-02-01T08:30:00", expirationDate: "2031-05-20"}}]
  - dossierId: 2          # complete; what lapses is of no bearing on vigilance
    siret: "{OTHER_SIRET}"
    dossierReference: "IBAN"
    startingDate: "2025-01-01T09:00:00"
    documents:
      - documentCode: RIB_IBAN
        files: [{{uploadDate: "2025-02-01T08:30:00", expirationDate: "2031-05-10"}}]
      - {{documentCode: "AS(DSS"}}
  - dossierId: 3          # expires
    siret: "{THIRD_SIRET}"
    dossierReference: "EXPIRES"
    startingDate: "2025-01-01T09:00:00"
    expirationDate: "2031-05-12"
    documents: [{{documentCode: I2, files: [{{uploadDate: "2025-02-01T08:30:00"}}]}}]
"""


def present(dossier: dict[str, Any]) -> list[bool]:
    """Which documents of a dossier are present."""
    return [document["present"] for document in dossier["documents"]]


def indicator(dossier: dict[str, Any]) -> tuple[bool, str]:
    """State of I001, and since when."""
    (found,) = dossier["indicators"]
    return found["state"], found["lastChangeDate"]


def global_state(api: Api, siret: str) -> list[Any]:
    """Whether a third party is monitored, its state, and since when."""
    (found,) = content(api.get("/thirdparties", siret=siret))
    details = content(api.get(f"/thirdparties/{found['thirdpartyId']}"))
    return [details[name] for name in ("monitored", "thirdpartyGlobalState", "stateLastChangeDate")]
