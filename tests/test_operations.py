"""Every operation by name, as a client calls it, under every prefix that serves it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from mock_server.domain.operations import OPERATIONS
from mock_server.web.routing import PREFIXES
from tests.support import TOKEN_URL, Api, content, described

# What to call, and with which body; {dossier} and the like are filled in with what the sandbox has.
CALLS: dict[str, tuple[str, object]] = {
    "listAccounts": ("/account", None),
    "getAccountStatistics": ("/account/119631", None),
    "listRequirements": ("/account/119631/requirements", None),
    "listThirdparties": ("/account/119631/thirdparties", None),
    "searchThirdparties": ("/account/119631/thirdparties/q?search=workforce%3E0", None),
    "getThirdparty": ("/account/119631/thirdparties/875", None),
    "listDossiers": ("/account/119631/dossiers", None),
    "listAllDossiers": ("/account/119631/dossiers/all", None),
    "importDossier": (
        "/account/119631/dossiers",
        {"companyIdType": "CIT001", "companyIdValue": "50382936800045", "dossierReference": "PO-9"},
    ),
    "getDossier": ("/account/119631/dossiers/804127", None),
    "updateDossier": ("/account/119631/dossiers/804127", {"description": "new"}),
    "stopDossier": ("/account/119631/dossiers/804127/stop", None),
    "reactivateDossier": ("/account/119631/dossiers/{stopped}/reactivate", {"expirationDate": None}),
    "listDossierRequirements": ("/account/119631/dossiers/804127/requirements", None),
    "updateDossierRequirements": ("/account/119631/dossiers/804127/requirements", ["ATT_VIGI"]),
    "listDocuments": ("/account/119631/dossiers/804127/documents", None),
    "getDocument": ("/account/119631/dossiers/804127/documents/511394021", None),
    "listFiles": ("/account/119631/dossiers/804127/documents/511394021/files", None),
    "listEvidences": ("/account/119631/dossiers/804127/documents/511394021/evidences", None),
    "downloadFile": ("/account/119631/dossiers/{dossier}/documents/{document}/files/{file}", None),
    "getProcess": ("/account/119631/dossiers/process/{process}", None),
    "listProcesses": ("/account/119631/dossiers/processes", None),
}

PREFIXES_SERVED = [(dialect or "rest", prefix) for prefix, dialect in PREFIXES.items()]


def existing_ids(api: Api) -> dict[str, object]:
    """Ids of things that the sandbox has."""
    dossier, document = next(
        (dossier, document)
        for dossier in content(api.get("/dossiers", pageSize=200))
        for document in dossier["documents"]
        if api.files(document)
    )
    return {
        "stopped": api.stopped_dossier()["dossierId"],
        "dossier": dossier["dossierId"],
        "document": document["documentId"],
        "file": api.file_id(api.files(document)[0]),
        "process": api.launch(dossierReference="PO-2"),
    }


@pytest.mark.parametrize(("dialect", "prefix"), PREFIXES_SERVED, indirect=["dialect"])
def test_each_operation_is_answered_with_200(make_api: Callable[..., Api], dialect: str, prefix: str) -> None:
    served = [row for row in OPERATIONS.values() if dialect in row.dialects and row.name != "getToken"]
    for operation in served:
        api = make_api()
        path, body = CALLS[operation.name]
        url = f"{prefix}{path}".format(**existing_ids(api)) if "{" in path else f"{prefix}{path}"
        answer = api.send(operation.method, url, **({"json": body} if body else {}))
        assert answer.status_code == 200, described(answer)


def test_the_token_call_is_answered_with_200(client: FlaskClient) -> None:
    assert OPERATIONS["getToken"].paths == (TOKEN_URL,)
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "a", "password": "b"}

    assert client.post(TOKEN_URL, data=form).status_code == 200
