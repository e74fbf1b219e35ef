"""The operations of the API: one name each, used by routes, OpenAPI, scenarios, journal and coverage alike.

Paths are relative to the dialect's prefix and written as OpenAPI writes them. An operation's view has its
name in snake_case.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Literal, get_args

from msgspec import Struct

DialectName = Literal["rest", "edge"]
DIALECTS: tuple[DialectName, ...] = get_args(DialectName)
"""The two shapes in which the API was published."""

DIALECT_HOSTS: dict[DialectName, str] = {"rest": "rs.", "edge": "edge."}
"""The first label of the vendor's host name of each dialect, with its dot."""


class Kind(Enum):
    """What an operation answers: a token, a resource, hits, a process, a command's result, a file."""

    TOKEN = "token"  # noqa: S105  # a word, no secret
    READ = "read"
    SEARCH = "search"
    IMPORT = "import"
    COMMAND = "command"
    DOWNLOAD = "download"


class Operation(Struct, frozen=True):
    """A row of behaviour.md 3. The first path is canonical, the others are accepted spellings."""

    name: str
    method: str
    paths: tuple[str, ...]
    kind: Kind
    summary: str
    section: str
    provenance: str = "documented"
    dialects: tuple[DialectName, ...] = DIALECTS

    @property
    def view(self) -> str:
        """The name of the Python function that serves it."""
        return re.sub(r"(?<!^)([A-Z])", r"_\1", self.name).lower()

    @property
    def ids(self) -> list[str]:
        """The ids in its path, by name."""
        return re.findall(r"\{(\w+)\}", self.paths[0])


_ACCOUNT = "/account/{accountId}"
_DOSSIER = f"{_ACCOUNT}/dossiers/{{dossierId}}"
_DOCUMENT = f"{_DOSSIER}/documents/{{documentId}}"

API_PATH = "/api/v1"
"""What every path of the API begins with, except that of tokens."""

CLIENT_ID = "ea-api-edge"
"""The only client of the authorisation server."""

TOKEN_PATH = "/auth/realms/eat_realm/protocol/openid-connect/token"  # noqa: S105  # a path, no secret

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("getToken", "POST", (TOKEN_PATH,), Kind.TOKEN, "Get an access token, or refresh it", "1.2"),
        Operation("listAccounts", "GET", ("/account",), Kind.READ, "The accounts of the token", "3.1"),
        Operation("getAccountStatistics", "GET", (_ACCOUNT,), Kind.READ, "Figures of an account", "3.2"),
        Operation(
            "listRequirements",
            "GET",
            (f"{_ACCOUNT}/requirements",),
            Kind.READ,
            "Document types of an account",
            "3.3",
        ),
        Operation(
            "listThirdparties",
            "GET",
            (f"{_ACCOUNT}/thirdparties",),
            Kind.SEARCH,
            "Search third parties",
            "3.4",
        ),
        Operation(
            "searchThirdparties",
            "GET",
            (f"{_ACCOUNT}/thirdparties/q",),
            Kind.SEARCH,
            "Search third parties by an expression",
            "3.5",
            dialects=("edge",),
        ),
        Operation(
            "getThirdparty",
            "GET",
            (f"{_ACCOUNT}/thirdparties/{{thirdpartyId}}",),
            Kind.READ,
            "One third party",
            "3.6",
        ),
        Operation("listDossiers", "GET", (f"{_ACCOUNT}/dossiers",), Kind.SEARCH, "Search dossiers", "3.7"),
        Operation(
            "listAllDossiers",
            "GET",
            (f"{_ACCOUNT}/dossiers/all",),
            Kind.READ,
            "Every dossier",
            "3.8",
            "observed",
        ),
        Operation("importDossier", "POST", (f"{_ACCOUNT}/dossiers",), Kind.IMPORT, "Import a dossier", "3.9"),
        Operation("getDossier", "GET", (_DOSSIER,), Kind.READ, "One dossier", "3.10"),
        Operation("updateDossier", "POST", (_DOSSIER,), Kind.COMMAND, "Change a dossier", "3.11"),
        Operation("stopDossier", "POST", (f"{_DOSSIER}/stop",), Kind.COMMAND, "Stop monitoring", "3.12"),
        Operation(
            "reactivateDossier",
            "POST",
            (f"{_DOSSIER}/reactivate",),
            Kind.COMMAND,
            "Monitor a dossier again",
            "3.13",
        ),
        Operation(
            "listDossierRequirements",
            "GET",
            (f"{_DOSSIER}/requirements",),
            Kind.READ,
            "Document types asked in a dossier",
            "3.14",
        ),
        Operation(
            "updateDossierRequirements",
            "POST",
            (f"{_DOSSIER}/requirements",),
            Kind.COMMAND,
            "Change the document types asked",
            "3.15",
        ),
        Operation(
            "listDocuments", "GET", (f"{_DOSSIER}/documents",), Kind.READ, "Documents of a dossier", "3.16"
        ),
        Operation("getDocument", "GET", (_DOCUMENT,), Kind.READ, "One document", "3.17"),
        Operation(
            "listFiles", "GET", (f"{_DOCUMENT}/files",), Kind.READ, "Files of a document", "3.18", "example"
        ),
        Operation(
            "listEvidences",
            "GET",
            (f"{_DOCUMENT}/evidences",),
            Kind.READ,
            "Evidences of a document",
            "3.19",
            dialects=("edge",),
        ),
        Operation(
            "downloadFile", "GET", (f"{_DOCUMENT}/files/{{fileId}}",), Kind.DOWNLOAD, "The bytes", "3.20"
        ),
        Operation(
            "getProcess",
            "GET",
            (f"{_ACCOUNT}/dossiers/process/{{processId}}", f"{_ACCOUNT}/dossier/process/{{processId}}"),
            Kind.READ,
            "How far an import has got",
            "3.21",
        ),
        Operation(
            "listProcesses",
            "GET",
            (f"{_ACCOUNT}/dossiers/processes", f"{_ACCOUNT}/dossier/processes"),
            Kind.READ,
            "Imports launched lately",
            "3.22",
        ),
    )
}
"""Every operation by name, in the order of behaviour.md 3."""

BY_VIEW: dict[str, Operation] = {operation.view: operation for operation in OPERATIONS.values()}
