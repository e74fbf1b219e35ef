"""The usual calls of a client, with the package of openapi-python-client: URL and user are the arguments."""

import sys
from time import sleep
from typing import Any

from generated_client import AuthenticatedClient, Client
from generated_client.api.accounts import list_accounts
from generated_client.api.documents import download_file, list_documents, list_files
from generated_client.api.dossiers import (
    get_dossier,
    import_dossier,
    list_dossiers,
    stop_dossier,
    update_dossier,
    update_dossier_requirements,
)
from generated_client.api.imports import get_process
from generated_client.api.token import get_token
from generated_client.models import (
    CompanyIdType,
    DossierUpdate,
    NewDossier,
    RequirementsUpdate,
    TokenRequest,
    TokenRequestClientId,
    TokenRequestGrantType,
)
from generated_client.types import Response

ACCOUNT, DOSSIER, DOCUMENT, SIRET = 119631, 804127, 511394021, "99050000100013"


def main(url: str, username: str) -> None:
    login = TokenRequest(
        grant_type=TokenRequestGrantType.PASSWORD,
        client_id=TokenRequestClientId.EA_API_EDGE,
        username=username,
        password="demo",
    )
    token = parsed(get_token.sync_detailed(client=Client(base_url=url), body=login)).access_token
    client = AuthenticatedClient(base_url=url, token=token)

    assert parsed(list_accounts.sync_detailed(client=client)).content[0].id == ACCOUNT
    assert find(client, "TEST").dossier_id == DOSSIER
    page = parsed(list_dossiers.sync_detailed(ACCOUNT, client=client, monitored=True, page=1, page_size=2))
    assert len(page.content) == 2
    assert page.total_elements > 4

    wanted = NewDossier(
        company_id_type=CompanyIdType.CIT001, company_id_value=SIRET, dossier_reference="PO-1"
    )
    launched = parsed(import_dossier.sync_detailed(ACCOUNT, client=client, body=wanted))
    wait(client, launched.content.process_id)
    dossier_id = find(client, "PO-1").dossier_id

    renamed = DossierUpdate(dossier_reference="PO-2")
    parsed(update_dossier.sync_detailed(ACCOUNT, dossier_id, client=client, body=renamed))
    changed = parsed(get_dossier.sync_detailed(ACCOUNT, dossier_id, client=client)).content
    assert (changed.dossier_reference, changed.siret) == ("PO-2", SIRET)
    codes = RequirementsUpdate(new_required_documents=["I2"])
    parsed(update_dossier_requirements.sync_detailed(ACCOUNT, dossier_id, client=client, body=codes))
    assert parsed(list_documents.sync_detailed(ACCOUNT, dossier_id, client=client)).content

    files = parsed(list_files.sync_detailed(ACCOUNT, DOSSIER, DOCUMENT, client=client))
    file_id = files.content[0].file_id
    file = parsed(download_file.sync_detailed(ACCOUNT, DOSSIER, DOCUMENT, file_id, client=client))
    assert file.payload.read().startswith(b"%PDF")

    parsed(stop_dossier.sync_detailed(ACCOUNT, dossier_id, client=client))
    assert not parsed(get_dossier.sync_detailed(ACCOUNT, dossier_id, client=client)).content.monitored
    late = DossierUpdate(description="too late")
    refused = parsed(update_dossier.sync_detailed(ACCOUNT, dossier_id, client=client, body=late), status=400)
    assert [error.code for error in refused.messages.error] == ["E201"]


def parsed(response: Response[Any], status: int = 200) -> Any:
    """Return the model of an answer with this status."""
    assert response.status_code == status, response.content
    assert response.parsed is not None, response.content
    return response.parsed


def find(client: AuthenticatedClient, reference: str) -> Any:
    hits = parsed(list_dossiers.sync_detailed(ACCOUNT, client=client, dossier_reference=reference))
    assert hits.total_elements == 1
    return hits.content[0]


def wait(client: AuthenticatedClient, process_id: str) -> None:
    for _ in range(100):
        process = parsed(get_process.sync_detailed(ACCOUNT, process_id, client=client)).content
        if process.complete:
            assert process.success
            return
        sleep(0.05)
    raise AssertionError("the import did not end")


if __name__ == "__main__":
    main(*sys.argv[1:])
