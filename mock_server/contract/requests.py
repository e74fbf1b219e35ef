"""What each operation is asked with: ids in the path, query parameters, a body (behaviour.md 3)."""

from __future__ import annotations

from msgspec import Struct

from mock_server.contract.schemas import Schema, ref
from mock_server.domain.operations import DIALECTS

BOTH = DIALECTS


class Parameter(Struct, frozen=True, kw_only=True):
    """A query parameter, or an id in the path."""

    name: str
    about: str
    schema: Schema
    provenance: str = "documented"
    required: bool = False
    dialects: tuple[str, ...] = BOTH


class Body(Struct, frozen=True, kw_only=True):
    """A request body: the component it is of; `required` where the operation cannot do without."""

    schema: str
    required: bool = False
    media_type: str = "application/json"


_TEXT: Schema = {"type": "string", "minLength": 1}
_YES_OR_NO: Schema = {"type": "boolean"}
_DAY: Schema = {"type": "string", "format": "date", "examples": ["2019-01-08"]}

PATH: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(name="accountId", about="The account.", schema=ref("AccountId"), required=True),
        Parameter(name="dossierId", about="The dossier.", schema=ref("DossierId"), required=True),
        Parameter(name="thirdpartyId", about="The third party.", schema=ref("ThirdpartyId"), required=True),
        Parameter(
            name="documentId",
            about="The document, by the id that it has in its dossier.",
            schema=ref("DocumentId"),
            required=True,
        ),
        Parameter(name="fileId", about="The file or evidence.", schema=ref("FileId"), required=True),
        Parameter(
            name="processId",
            about="The process, as the import named it; another text is the id of no process.",
            schema={"type": "string", "minLength": 1},
            required=True,
        ),
    )
}
"""Every id that stands in a path."""

_PAGE = (
    Parameter(
        name="page",
        about="Which page, counted from 0.",
        schema={"type": "integer", "format": "int64", "minimum": 0, "default": 0},
    ),
    Parameter(
        name="pageSize",
        about="How many hits a page holds.",
        schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 10},
    ),
)
_COMPANY = (
    Parameter(
        name="companyIdType",
        about="How the company is identified; for a company that has this value as its identifier.",
        schema=ref("CompanyIdType"),
    ),
    Parameter(
        name="companyIdValue",
        about="The identifier under which the third party is filed: of a French one its SIRET.",
        schema={**_TEXT, "examples": ["50382936800045"]},
    ),
    Parameter(name="siren", about="The company's SIREN.", schema={**_TEXT, "examples": ["503829368"]}),
    Parameter(
        name="siret", about="The establishment's SIRET.", schema={**_TEXT, "examples": ["50382936800045"]}
    ),
    Parameter(name="tva", about="The VAT number.", schema={**_TEXT, "examples": ["FR69503829368"]}),
)

QUERY: dict[str, tuple[Parameter, ...]] = {
    "listThirdparties": (
        Parameter(name="monitored", about="With an active dossier, or without.", schema=_YES_OR_NO),
        *_COMPANY,
        Parameter(name="name", about="Exactly this name, in any case.", schema=_TEXT, provenance="inferred"),
        Parameter(
            name="stateLastChangeDate",
            about="Whose global state changed on that day or later; not in the future.",
            schema=_DAY,
        ),
        Parameter(name="thirdpartyGlobalState", about="Complete, or incomplete.", schema=_YES_OR_NO),
        Parameter(name="subscriptionState", about="Registered on the platform, or not.", schema=_YES_OR_NO),
        *_PAGE,
    ),
    "searchThirdparties": (
        Parameter(
            name="search",
            about="Criteria: field, operator (`:` equals, `!` differs, `~` contains, `>`, `<`), value; joined"
            " by `AND` and `OR`; parentheses stand between blanks.",
            schema={**_TEXT, "examples": ["( workforce>200 AND isActive:true ) OR workforce<2"]},
            required=True,
            dialects=("edge",),
        ),
        *_PAGE,
    ),
    "listDossiers": (
        Parameter(
            name="thirdpartyId",
            about="Of that third party.",
            schema={"type": "integer", "format": "int64", "examples": [875]},
        ),
        *_COMPANY,
        Parameter(name="thirdpartyCode", about="Whose third party has this code.", schema=_TEXT),
        Parameter(
            name="dossierReference",
            about="With this reference; several third parties may have one of that name.",
            schema={**_TEXT, "examples": ["TEST"]},
        ),
        Parameter(name="monitored", about="Active, or stopped.", schema=_YES_OR_NO),
        Parameter(
            name="stateLastChangeDate",
            about="Active, and complete or incomplete since that day or later; not in the future.",
            schema=_DAY,
        ),
        Parameter(
            name="op",
            about="How thirdpartyCode and dossierReference are compared: that they contain the value, begin"
            " with it or end with it.",
            schema={"type": "string", "enum": ["like", "starts", "ends"]},
            dialects=("edge",),
        ),
        *_PAGE,
    ),
    "listProcesses": (
        Parameter(
            name="fromDate",
            about="Launched on that day or later, not in the future; left out, in the last 24 hours.",
            schema=_DAY,
        ),
    ),
}
"""The query parameters by operation; names that are not here are ignored (behaviour.md 3.0, observed)."""

BODIES: dict[str, Body] = {
    "getToken": Body(schema="TokenRequest", required=True, media_type="application/x-www-form-urlencoded"),
    "importDossier": Body(schema="NewDossier", required=True),
    "updateDossier": Body(schema="DossierUpdate"),
    "reactivateDossier": Body(schema="ReactivateDossierData"),
    "updateDossierRequirements": Body(schema="RequirementsUpdate"),
}
"""The body by operation; the others read none."""


def query_parameters(operation: str, dialect: str) -> list[Parameter]:
    """Those that the operation has in the dialect."""
    return [row for row in QUERY.get(operation, ()) if dialect in row.dialects]
