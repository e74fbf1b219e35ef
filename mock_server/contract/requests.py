"""The request of each operation: ids in the path, query parameters, body (behaviour.md 3)."""

from __future__ import annotations

from msgspec import Struct

from mock_server.contract.schemas import Schema, ref
from mock_server.domain.operations import DIALECTS


class Parameter(Struct, frozen=True, kw_only=True):
    """A query parameter, or an id in the path; the examples are of the default fixture."""

    name: str
    about: str
    schema: Schema
    example: str | int | bool
    provenance: str = "documented"
    required: bool = False
    dialects: tuple[str, ...] = DIALECTS


class Body(Struct, frozen=True, kw_only=True):
    """A request body: its component, and whether the operation requires it."""

    schema: str
    required: bool = False
    media_type: str = "application/json"


_INT64 = 2**63 - 1
_TEXT: Schema = {"type": "string", "minLength": 1}
_YES_OR_NO: Schema = {"type": "boolean"}
_DAY: Schema = {"type": "string", "format": "date", "pattern": "^[1-9][0-9]{3}-"}

PATH: dict[str, Parameter] = {
    name: Parameter(name=name, about=about, schema=schema, example=example, required=True)
    for name, about, schema, example in (
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
        name="page",
        about="The page number, from 0.",
        schema={"type": "integer", "format": "int64", "minimum": 0, "maximum": _INT64, "default": 0},
        example=0,
    ),
    Parameter(
        name="pageSize",
        about="Hits per page.",
        schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 10},
        example=10,
    ),
)
_COMPANY = (
    Parameter(
        name="companyIdType",
        about="The type of the company's identifier.",
        schema=ref("CompanyIdType"),
        example="CIT001",
    ),
    Parameter(
        name="companyIdValue",
        about="The identifier of the third party; for a French one, its SIRET.",
        schema=_TEXT,
        example="50382936800045",
    ),
    Parameter(name="siren", about="The company's SIREN.", schema=_TEXT, example="503829368"),
    Parameter(name="siret", about="The establishment's SIRET.", schema=_TEXT, example="50382936800045"),
    Parameter(name="tva", about="The VAT number.", schema=_TEXT, example="FR69503829368"),
)

QUERY: dict[str, tuple[Parameter, ...]] = {
    "listThirdparties": (
        Parameter(
            name="monitored", about="With an active dossier, or without one.", schema=_YES_OR_NO, example=True
        ),
        *_COMPANY,
        Parameter(
            name="name",
            about="Exactly this name, in upper or lower case.",
            schema=_TEXT,
            example="JAM CONSEIL",
            provenance="inferred",
        ),
        Parameter(
            name="stateLastChangeDate",
            about="The global state changed on this day or later; the day is not in the future.",
            schema=_DAY,
            example="2019-01-08",
        ),
        Parameter(
            name="thirdpartyGlobalState", about="Complete, or incomplete.", schema=_YES_OR_NO, example=False
        ),
        Parameter(
            name="subscriptionState",
            about="Registered on the platform, or not.",
            schema=_YES_OR_NO,
            example=True,
        ),
        *_PAGE,
    ),
    "searchThirdparties": (
        Parameter(
            name="search",
            about="Criteria: field, operator (`:` equals, `!` differs, `~` contains, `>`, `<`), value; joined"
            " by `AND` and `OR`; parentheses have spaces around them.",
            schema=_TEXT,
            example="( workforce>200 AND isActive:true ) OR workforce<2",
            required=True,
            dialects=("edge",),
        ),
        *_PAGE,
    ),
    "listDossiers": (
        Parameter(
            name="thirdpartyId",
            about="The third party of the dossiers.",
            schema={"type": "integer", "format": "int64", "minimum": -_INT64 - 1, "maximum": _INT64},
            example=875,
        ),
        *_COMPANY,
        Parameter(name="thirdpartyCode", about="The code of the third party.", schema=_TEXT, example="123"),
        Parameter(
            name="dossierReference",
            about="With this reference; dossiers of several third parties may have the same one.",
            schema=_TEXT,
            example="TEST",
        ),
        Parameter(name="monitored", about="Active, or stopped.", schema=_YES_OR_NO, example=True),
        Parameter(
            name="stateLastChangeDate",
            about="Active, and complete or incomplete since this day or later; not in the future.",
            schema=_DAY,
            example="2019-01-08",
        ),
        Parameter(
            name="op",
            about="How thirdpartyCode and dossierReference are compared: they contain the value, begin with"
            " it or end with it.",
            schema={"type": "string", "enum": ["like", "starts", "ends"]},
            example="starts",
            dialects=("edge",),
        ),
        *_PAGE,
    ),
    "listProcesses": (
        Parameter(
            name="fromDate",
            about="Launched on this day or later, not in the future. Default: the last 24 hours.",
            schema=_DAY,
            example="2019-01-08",
        ),
    ),
}
"""The query parameters by operation; other names are ignored (behaviour.md 3.0, observed)."""

BODIES: dict[str, Body] = {
    "getToken": Body(schema="TokenRequest", required=True, media_type="application/x-www-form-urlencoded"),
    "importDossier": Body(schema="NewDossier", required=True),
    "updateDossier": Body(schema="DossierUpdate"),
    "reactivateDossier": Body(schema="ReactivateDossierData"),
    "updateDossierRequirements": Body(schema="RequirementsUpdate"),
}
"""The body by operation; the others have no body."""


def query_parameters(operation: str, dialect: str) -> list[Parameter]:
    """Return the query parameters of the operation in the dialect."""
    return [row for row in QUERY.get(operation, ()) if dialect in row.dialects]
