"""Where an answer leads: which of its values another operation takes, as OpenAPI links."""

from __future__ import annotations

from typing import Any

_FIRST = "$response.body#/content/0"
_ACCOUNT = {"accountId": "$request.path.accountId"}
_DOSSIER = {**_ACCOUNT, "dossierId": "$request.path.dossierId"}
_DOCUMENT = {**_DOSSIER, "documentId": f"{_FIRST}/documentId"}
_FIRST_DOSSIER = {**_ACCOUNT, "dossierId": f"{_FIRST}/dossierId"}
_FOUND_DOSSIER = {**_ACCOUNT, "dossierId": "$response.body#/content/dossierId"}
_FILE_IDS = {"rest": "fileId", "edge": "id"}
"""What a dialect calls the id of a file, or evidence, in an answer."""
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
"""By operation, the operations that its answer leads to, and what each of their ids is read from."""


def links_of(operation: str, dialect: str) -> dict[str, Any]:
    """The `links` of the operation's 200; nothing where it leads nowhere."""
    found = _LINKS.get(operation)
    if operation in {"listFiles", "listEvidences"}:
        file_id = {"documentId": "$request.path.documentId", "fileId": f"{_FIRST}/{_FILE_IDS[dialect]}"}
        found = {"downloadFile": {**_DOSSIER, **file_id}}
    if not found:
        return {}
    return {"links": {name: {"operationId": name, "parameters": ids} for name, ids in found.items()}}
