"""The answers of each operation: statuses, the bodies that each may have, codes in them, links to others.

The table in `domain.errors` has the codes of each operation.
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
    """A body that a status may have: its component, and the codes that it may contain.

    If `variant` is set, only that variant returns it.
    """

    schema: str
    about: str
    codes: tuple[str, ...] = ()
    variant: str = ""
    media_type: str = JSON_TYPE

    def narrowed(self, status: int) -> Schema:
        """Return the schema of the body, with only the codes of the operation."""
        if self.schema == PROTOCOL:
            phrase = {"status": {"const": status}, "error": {"const": wire.status_phrase(status)}}
            return {**ref(PROTOCOL), "properties": phrase}
        allowed: Schema = {"properties": {"code": {"enum": list(self.codes)}}}
        narrowing: Schema = {}
        for place in _CODES_IN.get(self.schema, ()):
            narrowing |= _within(place, allowed)
        return {**ref(self.schema), **({"properties": narrowing} if self.codes else {})}


# The path of the messages in an envelope; "*" is each item of a list.
_CODES_IN: dict[str, tuple[tuple[str, ...], ...]] = {
    "ErrorAnswer": (("messages", "error", "*"),),
    "RefusedAnswer": (("content", "errors", "*"), ("messages", "error", "*")),
    "ProcessResultAnswer": (("content", "errors", "*"),),
    "ProcessResultList": (("content", "*", "errors", "*"),),
}

IMPORT_CODES = tuple(code for code, error in ERRORS.items() if error.ends_import)
"""The codes of a rejected import, which its process reports."""

_CONTENT: dict[str, tuple[AnswerBody, ...]] = {
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
"""The codes with which an operation rejects values, or a business rule refuses a command (behaviour.md 5)."""

_ABSENT = {"dossierId": E200, "thirdpartyId": E100}
"""The error of an id that does not exist; of any other id, NOT_FOUND (behaviour.md 3.0)."""

ABOUT: dict[int, str] = {
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
_ABOUT_TOKEN = {
    400: "An invalid form, user name or refresh token.",
    401: "Wrong user name or password, or another client.",
    415: "The body is not declared as a form.",
}
"""What is different for the token endpoint."""

_FIRST = "$response.body#/content/0"
_ACCOUNT = {"accountId": "$request.path.accountId"}
_DOSSIER = {**_ACCOUNT, "dossierId": "$request.path.dossierId"}
_DOCUMENT = {**_DOSSIER, "documentId": f"{_FIRST}/documentId"}
_FIRST_DOSSIER = {**_ACCOUNT, "dossierId": f"{_FIRST}/dossierId"}
_FOUND_DOSSIER = {**_ACCOUNT, "dossierId": "$response.body#/content/dossierId"}
_THIRDPARTY = {**_ACCOUNT, "thirdpartyId": f"{_FIRST}/thirdpartyId"}

_LINKS: dict[str, dict[str, dict[str, str]]] = {
    "listAccounts": {
        name: {"accountId": f"{_FIRST}/id"}
        for name in ("getAccountStatistics", "listRequirements", "listThirdparties", "listDossiers")
    },
    "listThirdparties": {"getThirdparty": _THIRDPARTY},
    "searchThirdparties": {"getThirdparty": _THIRDPARTY},
    "listDossiers": dict.fromkeys(
        ("getDossier", "updateDossier", "stopDossier", "reactivateDossier", "listDocuments"), _FIRST_DOSSIER
    ),
    "getDossier": dict.fromkeys(
        ("listDocuments", "listDossierRequirements", "updateDossierRequirements"), _FOUND_DOSSIER
    )
    | {"getThirdparty": {**_ACCOUNT, "thirdpartyId": "$response.body#/content/thirdpartyId"}},
    "importDossier": {"getProcess": {**_ACCOUNT, "processId": "$response.body#/content/processId"}},
    "listProcesses": {"getProcess": {**_ACCOUNT, "processId": f"{_FIRST}/processId"}},
    "updateDossier": {"getDossier": _DOSSIER},
    "stopDossier": {"getDossier": _DOSSIER, "reactivateDossier": _DOSSIER},
    "reactivateDossier": {"getDossier": _DOSSIER, "stopDossier": _DOSSIER},
    "updateDossierRequirements": {"listDossierRequirements": _DOSSIER, "listDocuments": _DOSSIER},
    "listDocuments": {"getDocument": _DOCUMENT, "listFiles": _DOCUMENT},
}
"""For each operation, the next operations, and where its answer has their ids."""


@cache
def answers(operation: str, dialect: str) -> Mapping[int, tuple[AnswerBody, ...]]:
    """Return each status of the operation in the dialect, without rules, and the bodies it may have."""
    row = OPERATIONS[operation]
    found = {200: _done(row, dialect), 400: _malformed(row)}
    if row.kind is not Kind.TOKEN:
        found[404] = (_absence(row, dialect),)
    for status in _of_protocol(row, dialect):
        if row.kind is Kind.TOKEN:
            found[status] = (AnswerBody("TokenError", _ABOUT_TOKEN.get(status, ABOUT[status])),)
        else:
            found[status] = (AnswerBody(PROTOCOL, ABOUT[status]),)
    return dict(sorted(found.items()))


def codes(operation: str, dialect: str) -> tuple[str, ...]:
    """Return every code that the operation may return in the dialect, in the order of the table."""
    shapes = [shape for several in answers(operation, dialect).values() for shape in several]
    given = {code for shape in shapes for code in shape.codes}
    return tuple(code for code in ERRORS if code in given)


def _done(row: Operation, dialect: str) -> tuple[AnswerBody, ...]:
    if row.name in {"listFiles", "listEvidences"}:
        return _files(DIALECTS[dialect])
    if row.kind is Kind.COMMAND:
        return (AnswerBody("AcceptedAnswer", "Accepted."), _refused(row, "result"))
    return _CONTENT[row.name]


def _refused(row: Operation, refusals: str) -> AnswerBody:
    """What a command answers under this value of the variant `refusals`."""
    return AnswerBody(
        schema="RefusedAnswer",
        about="Refused by a business rule.",
        codes=REFUSED[row.name],
        variant=f"refusals={refusals}",
    )


def _files(dialect: Dialect) -> tuple[AnswerBody, ...]:
    plural = dialect.file_label
    return (
        AnswerBody(schema=f"{dialect.file_schema}List", about=f"The {plural}, oldest first."),
        AnswerBody(
            schema=f"{dialect.file_schema}OfDocumentList",
            about=f"The {plural}, each with its document's id and itself in a list.",
            variant="fileItems=document",
        ),
    )


def _malformed(row: Operation) -> tuple[AnswerBody, ...]:
    unreadable = AnswerBody(PROTOCOL, "A path, body or sandbox name that cannot be read.")
    if row.kind is Kind.TOKEN:
        return (AnswerBody("TokenError", _ABOUT_TOKEN[400]),)
    if row.name not in REFUSED:
        return (unreadable,)
    if row.kind is Kind.COMMAND:
        return (_refused(row, "http400"), unreadable)
    invalid = AnswerBody("ErrorAnswer", "Invalid values, each with its code.", codes=REFUSED[row.name])
    return (invalid, unreadable)


def _absence(row: Operation, dialect: str) -> AnswerBody:
    errors = [Refusal(_ABSENT.get(name, NOT_FOUND), None) for name in ("accountId", *row.ids)]
    reported = {DIALECTS[dialect].error(refusal).code for refusal in errors}
    given = tuple(code for code in ERRORS if code in reported)
    return AnswerBody("ErrorAnswer", ABOUT[404], codes=given)


def _of_protocol(row: Operation, dialect: str) -> list[int]:
    """Return the other statuses; their body is in protocol format, or in that of the token endpoint."""
    of_account = "accountId" in row.ids
    applies = {
        401: True,
        403: of_account or (DIALECTS[dialect].forbids_altered_tokens and row.kind is not Kind.TOKEN),
        413: row.name in BODIES,
        415: row.name in BODIES,
        429: of_account,
        503: True,
    }
    return [status for status, does in applies.items() if does]


def _within(place: tuple[str, ...], schema: Schema) -> dict[str, Json]:
    """Return the `properties` that apply the schema at that place."""
    first, *rest = place
    for name in reversed(rest):
        schema = {"items": schema} if name == "*" else {"properties": {name: schema}}
    return {first: schema}


def links_of(operation: str, dialect: str) -> dict[str, Any]:
    """Return the `links` of the operation's 200; empty if it has no next operation."""
    found = _LINKS.get(operation)
    if operation in {"listFiles", "listEvidences"}:
        file_id = {
            "documentId": "$request.path.documentId",
            "fileId": f"{_FIRST}/{DIALECTS[dialect].file_id}",
        }
        found = {"downloadFile": {**_DOSSIER, **file_id}}
    if not found:
        return {}
    return {"links": {name: {"operationId": name, "parameters": ids} for name, ids in found.items()}}
