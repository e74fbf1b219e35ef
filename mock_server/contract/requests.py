"""The request of each operation: ids in the path, query parameters, body (behaviour.md 3)."""

from __future__ import annotations

from msgspec import Struct

from mock_server.contract.schemas import Schema, ref
from mock_server.domain.operations import DIALECTS


class Parameter(Struct, frozen=True):
    """A query parameter, or an id in the path; the examples are of the default fixture."""

    name: str
    description: str
    schema: Schema
    example: str | int | bool
    provenance: str = "documented"
    required: bool = False
    dialects: tuple[str, ...] = DIALECTS


class Body(Struct, frozen=True):
    """A request body: its component, and whether the operation requires it."""

    schema: str
    required: bool = False
    media_type: str = "application/json"


_INT64 = 2**63 - 1
_TEXT: Schema = {"type": "string", "minLength": 1}
_YES_OR_NO: Schema = {"type": "boolean"}
_DAY: Schema = {"type": "string", "format": "date", "pattern": "^[1-9][0-9]{3}-"}

PATH: dict[str, Parameter] = {
    name: Parameter(name, description, schema, example, required=True)
    for name, description, schema, example in (
        ("accountId", "The account.", ref("AccountId"), 119631),
        ("dossierId", "The dossier.", ref("DossierId"), 804127),
        ("thirdpartyId", "The third party.", ref("ThirdpartyId"), 875),
        ("documentId", "The document's id in its dossier.", ref("DocumentId"), 511394021),
        ("fileId", "The file or evidence.", ref("FileId"), 4580721),
        (
            "processId",
            "The process id from the answer of the import; with any other text, no process is found.",
            _TEXT,
            "8af2b4767bee0e2e017c0779547e02a8",
        ),
    )
}
"""Every id in a path."""

_PAGE = (
    Parameter(
        "page",
        "The page number, from 0.",
        {"type": "integer", "format": "int64", "minimum": 0, "maximum": _INT64, "default": 0},
        0,
    ),
    Parameter(
        "pageSize", "Hits per page.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10}, 10
    ),
)
_COMPANY = (
    Parameter("companyIdType", "The type of the company's identifier.", ref("CompanyIdType"), "CIT001"),
    Parameter(
        "companyIdValue",
        "The identifier of the third party; for a French one, its SIRET.",
        _TEXT,
        "50382936800045",
    ),
    Parameter("siren", "The company's SIREN.", _TEXT, "503829368"),
    Parameter("siret", "The establishment's SIRET.", _TEXT, "50382936800045"),
    Parameter("tva", "The VAT number.", _TEXT, "FR69503829368"),
)

QUERY: dict[str, tuple[Parameter, ...]] = {
    "listThirdparties": (
        Parameter("monitored", "With an active dossier, or without one.", _YES_OR_NO, example=True),
        *_COMPANY,
        Parameter(
            "name", "Exactly this name, in upper or lower case.", _TEXT, "JAM CONSEIL", provenance="inferred"
        ),
        Parameter(
            "stateLastChangeDate",
            "The global state changed on this day or later; the day is not in the future.",
            _DAY,
            "2019-01-08",
        ),
        Parameter("thirdpartyGlobalState", "Complete, or incomplete.", _YES_OR_NO, example=False),
        Parameter("subscriptionState", "Registered on the platform, or not.", _YES_OR_NO, example=True),
        *_PAGE,
    ),
    "searchThirdparties": (
        Parameter(
            "search",
            "Criteria: field, operator (`:` equals, `!` differs, `~` contains, `>`, `<`), value; joined"
            " by `AND` and `OR`; parentheses have spaces around them.",
            _TEXT,
            "( workforce>200 AND isActive:true ) OR workforce<2",
            required=True,
            dialects=("edge",),
        ),
        *_PAGE,
    ),
    "listDossiers": (
        Parameter(
            "thirdpartyId",
            "The third party of the dossiers.",
            {"type": "integer", "format": "int64", "minimum": -_INT64 - 1, "maximum": _INT64},
            875,
        ),
        *_COMPANY,
        Parameter("thirdpartyCode", "The code of the third party.", _TEXT, "123"),
        Parameter(
            "dossierReference",
            "With this reference; dossiers of several third parties may have the same one.",
            _TEXT,
            "TEST",
        ),
        Parameter("monitored", "Active, or stopped.", _YES_OR_NO, example=True),
        Parameter(
            "stateLastChangeDate",
            "Active, and complete or incomplete since this day or later; not in the future.",
            _DAY,
            "2019-01-08",
        ),
        Parameter(
            "op",
            "How thirdpartyCode and dossierReference are compared: they contain the value, begin with"
            " it or end with it.",
            {"type": "string", "enum": ["like", "starts", "ends"]},
            "starts",
            dialects=("edge",),
        ),
        *_PAGE,
    ),
    "listProcesses": (
        Parameter(
            "fromDate",
            "Launched on this day or later, not in the future. Default: the last 24 hours.",
            _DAY,
            "2019-01-08",
        ),
    ),
}
"""The query parameters by operation; other names are ignored (behaviour.md 3.0, observed)."""

BODIES: dict[str, Body] = {
    "getToken": Body("TokenRequest", required=True, media_type="application/x-www-form-urlencoded"),
    "importDossier": Body("NewDossier", required=True),
    "updateDossier": Body("DossierUpdate"),
    "reactivateDossier": Body("ReactivateDossierData"),
    "updateDossierRequirements": Body("RequirementsUpdate"),
}
"""The body by operation; the others have no body."""


def query_parameters(operation: str, dialect: str) -> list[Parameter]:
    """Return the query parameters of the operation in the dialect."""
    return [row for row in QUERY.get(operation, ()) if dialect in row.dialects]
