"""The answers of each operation: its statuses, their bodies with the error codes in them, and links.

The table in `domain.errors` has the error codes of each operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from mock_server.contract.requests import BODIES
from mock_server.contract.schemas import Json, Schema, ref
from mock_server.dialects import DIALECTS, Dialect, wire
from mock_server.domain.errors import E100, E200, ERRORS, NOT_FOUND, Refusal
from mock_server.domain.operations import OPERATIONS, Kind, Operation

JSON_TYPE = "application/json;charset=UTF-8"
BYTES_TYPE = "application/octet-stream"

PROTOCOL = "ProtocolError"


class AnswerBody(Struct, frozen=True):
    """A body that an answer may have: the name of its schema, and the error codes that it may contain.

    Bytes have no schema. With `variant` (`name=value`), the body is returned under that variant only.
    """

    schema: str
    description: str
    codes: tuple[str, ...] = ()
    variant: str = ""
    media_type: str = JSON_TYPE

    def narrowed_schema(self, status: int) -> Schema:
        """Return the schema of the body in an answer of this status, with only the error codes of `codes`."""
        if self.schema == PROTOCOL:
            phrase = {"status": {"const": status}, "error": {"const": wire.status_phrase(status)}}
            return {**ref(PROTOCOL), "properties": phrase}
        allowed: Schema = {"properties": {"code": {"enum": list(self.codes)}}}
        narrowing: Schema = {}
        for place in _CODES_IN.get(self.schema, ()):
            narrowing |= _schema_within(place, allowed)
        return {**ref(self.schema), **({"properties": narrowing} if self.codes else {})}


# The places of error codes in a body; "*" stands for each item of a list.
_CODES_IN: dict[str, tuple[tuple[str, ...], ...]] = {
    "ErrorAnswer": (("messages", "error", "*"),),
    "RefusedAnswer": (("content", "errors", "*"), ("messages", "error", "*")),
    "ProcessResultAnswer": (("content", "errors", "*"),),
    "ProcessResultList": (("content", "*", "errors", "*"),),
}

IMPORT_CODES = tuple(code for code, error in ERRORS.items() if error.ends_import)
"""The error codes of a rejected import, which its process reports."""

_SUCCESS_BODIES: dict[str, tuple[AnswerBody, ...]] = {
    "getToken": (AnswerBody("Token", "A new pair of tokens."),),
    "listAccounts": (AnswerBody("AccountList", "The token's accounts."),),
    "getAccountStatistics": (AnswerBody("GlobalInformationAnswer", "The figures."),),
    "listRequirements": (AnswerBody("RequirementList", "The document types."),),
    "listThirdparties": (AnswerBody("ThirdpartySummaryPage", "A page of hits."),),
    "searchThirdparties": (AnswerBody("ThirdpartyPage", "A page of hits."),),
    "getThirdparty": (AnswerBody("ThirdpartyAnswer", "The third party."),),
    "listDossiers": (AnswerBody("DossierPage", "A page of hits."),),
    "listAllDossiers": (AnswerBody("DossierList", "Every dossier of the account."),),
    "importDossier": (AnswerBody("ProcessAnswer", "The import was launched."),),
    "getDossier": (AnswerBody("DossierAnswer", "The dossier."),),
    "listDossierRequirements": (AnswerBody("DossierRequirementList", "The document types asked for."),),
    "listDocuments": (AnswerBody("DocumentList", "The documents."),),
    "getDocument": (
        AnswerBody("DocumentInArray", "The document, alone in an array."),
        AnswerBody("DocumentAnswer", "The document itself.", variant="documentDetail=object"),
    ),
    "getProcess": (AnswerBody("ProcessResultAnswer", "The import.", codes=IMPORT_CODES),),
    "listProcesses": (AnswerBody("ProcessResultList", "The imports.", codes=IMPORT_CODES),),
    "downloadFile": (AnswerBody("", "The bytes.", media_type=BYTES_TYPE),),
}

REFUSED: dict[str, tuple[str, ...]] = {
    name: tuple(code for code, error in ERRORS.items() if name in error.rejects)
    for name in OPERATIONS
    if any(name in error.rejects for error in ERRORS.values())
}
"""The error codes of operations that reject values, or that a business rule refuses (behaviour.md 5)."""

_NOT_FOUND_ERRORS = {"dossierId": E200, "thirdpartyId": E100}
"""The error of an id that does not exist; of any other id, NOT_FOUND (behaviour.md 3.0)."""

STATUS_DESCRIPTIONS: dict[int, str] = {
    200: "Done.",
    400: "The request or a value in it is malformed.",
    401: "No access token, or an invalid or expired one.",
    403: "The access token does not open this account.",
    404: "It does not exist in this account.",
    413: "The body is larger than the server accepts.",
    415: "The body is not declared as JSON.",
    429: "Too many requests: the variant rateLimit is on, and the account's bucket is empty.",
    503: "The server has its maximum number of sandboxes.",
}
_TOKEN_DESCRIPTIONS = {
    400: "An invalid form, user name or refresh token.",
    401: "Wrong user name or password, or another client.",
    415: "The body is not declared as a form.",
}
"""The descriptions that differ at the token endpoint."""

_FIRST_ELEMENT = "$response.body#/content/0"
_ACCOUNT = {"accountId": "$request.path.accountId"}
_DOSSIER = {**_ACCOUNT, "dossierId": "$request.path.dossierId"}
_DOCUMENT = {**_DOSSIER, "documentId": f"{_FIRST_ELEMENT}/documentId"}
_FIRST_DOSSIER = {**_ACCOUNT, "dossierId": f"{_FIRST_ELEMENT}/dossierId"}
_THIS_DOSSIER = {**_ACCOUNT, "dossierId": "$response.body#/content/dossierId"}
_THIRDPARTY = {**_ACCOUNT, "thirdpartyId": f"{_FIRST_ELEMENT}/thirdpartyId"}

_LINKS: dict[str, dict[str, dict[str, str]]] = {
    "listAccounts": {
        name: {"accountId": f"{_FIRST_ELEMENT}/id"}
        for name in ("getAccountStatistics", "listRequirements", "listThirdparties", "listDossiers")
    },
    "listThirdparties": {"getThirdparty": _THIRDPARTY},
    "searchThirdparties": {"getThirdparty": _THIRDPARTY},
    "listDossiers": dict.fromkeys(
        ("getDossier", "updateDossier", "stopDossier", "reactivateDossier", "listDocuments"), _FIRST_DOSSIER
    ),
    "getDossier": dict.fromkeys(
        ("listDocuments", "listDossierRequirements", "updateDossierRequirements"), _THIS_DOSSIER
    )
    | {"getThirdparty": {**_ACCOUNT, "thirdpartyId": "$response.body#/content/thirdpartyId"}},
    "importDossier": {"getProcess": {**_ACCOUNT, "processId": "$response.body#/content/processId"}},
    "listProcesses": {"getProcess": {**_ACCOUNT, "processId": f"{_FIRST_ELEMENT}/processId"}},
    "updateDossier": {"getDossier": _DOSSIER},
    "stopDossier": {"getDossier": _DOSSIER, "reactivateDossier": _DOSSIER},
    "reactivateDossier": {"getDossier": _DOSSIER, "stopDossier": _DOSSIER},
    "updateDossierRequirements": {"listDossierRequirements": _DOSSIER, "listDocuments": _DOSSIER},
    "listDocuments": {"getDocument": _DOCUMENT, "listFiles": _DOCUMENT},
}
"""For each operation, the next operations, and where its answer has their ids."""


@cache
def answers(operation: str, dialect: str) -> Mapping[int, tuple[AnswerBody, ...]]:
    """Return the statuses of the operation in the dialect, in order, and the bodies of each.

    Answers that a rule of a scenario changes are not among them.
    """
    row = OPERATIONS[operation]
    bodies = {200: _success_bodies(row, dialect), 400: _bad_request_bodies(row)}
    if row.kind is not Kind.TOKEN:
        bodies[404] = (_not_found_body(row, dialect),)
    for status in _protocol_statuses(row, dialect):
        if row.kind is Kind.TOKEN:
            bodies[status] = (
                AnswerBody("TokenError", _TOKEN_DESCRIPTIONS.get(status, STATUS_DESCRIPTIONS[status])),
            )
        else:
            bodies[status] = (AnswerBody(PROTOCOL, STATUS_DESCRIPTIONS[status]),)
    return dict(sorted(bodies.items()))


def codes(operation: str, dialect: str) -> tuple[str, ...]:
    """Return the error codes that the operation may return in the dialect, in the order of the table."""
    all_bodies = [body for bodies in answers(operation, dialect).values() for body in bodies]
    returned = {code for body in all_bodies for code in body.codes}
    return tuple(code for code in ERRORS if code in returned)


def _success_bodies(row: Operation, dialect: str) -> tuple[AnswerBody, ...]:
    if row.name in {"listFiles", "listEvidences"}:
        return _files(DIALECTS[dialect])
    if row.kind is Kind.COMMAND:
        return (AnswerBody("AcceptedAnswer", "Accepted."), _refused_body(row, "result"))
    return _SUCCESS_BODIES[row.name]


def _refused_body(row: Operation, refusals: str) -> AnswerBody:
    """Return the body of a refused command under this value of the variant `refusals`."""
    return AnswerBody(
        schema="RefusedAnswer",
        description="Refused by a business rule.",
        codes=REFUSED[row.name],
        variant=f"refusals={refusals}",
    )


def _files(dialect: Dialect) -> tuple[AnswerBody, ...]:
    plural = dialect.file_label
    return (
        AnswerBody(schema=f"{dialect.file_schema}List", description=f"The {plural}, oldest first."),
        AnswerBody(
            schema=f"{dialect.file_schema}OfDocumentList",
            description=f"The {plural}, each with its document's id and itself in a list.",
            variant="fileItems=document",
        ),
    )


def _bad_request_bodies(row: Operation) -> tuple[AnswerBody, ...]:
    unreadable = AnswerBody(PROTOCOL, "A path, body or sandbox name that cannot be read.")
    if row.kind is Kind.TOKEN:
        return (AnswerBody("TokenError", _TOKEN_DESCRIPTIONS[400]),)
    if row.name not in REFUSED:
        return (unreadable,)
    if row.kind is Kind.COMMAND:
        return (_refused_body(row, "http400"), unreadable)
    invalid = AnswerBody("ErrorAnswer", "Invalid values, each with its code.", codes=REFUSED[row.name])
    return (invalid, unreadable)


def _not_found_body(row: Operation, dialect: str) -> AnswerBody:
    errors = [Refusal(_NOT_FOUND_ERRORS.get(name, NOT_FOUND), None) for name in ("accountId", *row.ids)]
    reported = {DIALECTS[dialect].error(refusal).code for refusal in errors}
    codes = tuple(code for code in ERRORS if code in reported)
    return AnswerBody("ErrorAnswer", STATUS_DESCRIPTIONS[404], codes=codes)


def _protocol_statuses(row: Operation, dialect: str) -> list[int]:
    """Return the statuses whose body is in protocol format, or in the error format of the token endpoint."""
    has_account = "accountId" in row.ids
    applies = {
        401: True,
        403: has_account or (DIALECTS[dialect].forbids_altered_tokens and row.kind is not Kind.TOKEN),
        413: row.name in BODIES,
        415: row.name in BODIES,
        429: has_account,
        503: True,
    }
    return [status for status, is_possible in applies.items() if is_possible]


def _schema_within(place: tuple[str, ...], schema: Schema) -> dict[str, Json]:
    """Return the `properties` that apply a schema at a place, such as `("messages", "error", "*")`."""
    first, *rest = place
    for name in reversed(rest):
        schema = {"items": schema} if name == "*" else {"properties": {name: schema}}
    return {first: schema}


def links_of(operation: str, dialect: str) -> dict[str, Any]:
    """Return the member `links` of the operation's 200; an empty object if there are no links."""
    links = _LINKS.get(operation)
    if operation in {"listFiles", "listEvidences"}:
        file_id = {
            "documentId": "$request.path.documentId",
            "fileId": f"{_FIRST_ELEMENT}/{DIALECTS[dialect].file_id}",
        }
        links = {"downloadFile": {**_DOSSIER, **file_id}}
    if not links:
        return {}
    return {"links": {name: {"operationId": name, "parameters": ids} for name, ids in links.items()}}
