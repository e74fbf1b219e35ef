"""The usual calls of a client, with the package that openapi-generator writes for Python: URL and user are the arguments."""

import sys
from time import sleep

import openapi_client
from openapi_client.api.accounts_api import AccountsApi
from openapi_client.api.documents_api import DocumentsApi
from openapi_client.api.dossiers_api import DossiersApi
from openapi_client.api.imports_api import ImportsApi
from openapi_client.api.token_api import TokenApi
from openapi_client.models.company_id_type import CompanyIdType
from openapi_client.models.dossier import Dossier
from openapi_client.models.dossier_update import DossierUpdate
from openapi_client.models.file_information_list import FileInformationList
from openapi_client.models.new_dossier import NewDossier
from openapi_client.models.requirements_update import RequirementsUpdate

ACCOUNT, DOSSIER, DOCUMENT, SIRET = 119631, 804127, 511394021, "99050000100013"


def main(url: str, username: str) -> None:
    settings = openapi_client.Configuration(host=url)
    client = openapi_client.ApiClient(settings)
    settings.access_token = (
        TokenApi(client).get_token("password", "ea-api-edge", username=username, password="demo").access_token
    )
    dossiers, documents = DossiersApi(client), DocumentsApi(client)

    assert AccountsApi(client).list_accounts().content[0].id == ACCOUNT
    assert find(dossiers, "TEST").dossier_id == DOSSIER
    page = dossiers.list_dossiers(ACCOUNT, monitored=True, page=1, page_size=2)
    assert len(page.content) == 2
    assert page.total_elements > 4

    wanted = NewDossier(
        company_id_type=CompanyIdType.CIT001, company_id_value=SIRET, dossier_reference="PO-1"
    )
    wait(ImportsApi(client), dossiers.import_dossier(ACCOUNT, wanted).content.process_id)
    dossier_id = find(dossiers, "PO-1").dossier_id

    dossiers.update_dossier(ACCOUNT, dossier_id, DossierUpdate(dossier_reference="PO-2"))
    changed = dossiers.get_dossier(ACCOUNT, dossier_id).content
    assert (changed.dossier_reference, changed.siret) == ("PO-2", SIRET)
    wanted_documents = RequirementsUpdate(new_required_documents=["I2"])
    dossiers.update_dossier_requirements(ACCOUNT, dossier_id, wanted_documents)
    assert documents.list_documents(ACCOUNT, dossier_id).content

    files = documents.list_files(ACCOUNT, DOSSIER, DOCUMENT).actual_instance
    assert isinstance(files, FileInformationList)
    content = documents.download_file(ACCOUNT, DOSSIER, DOCUMENT, files.content[0].file_id)
    assert bytes(content).startswith(b"%PDF")

    dossiers.stop_dossier(ACCOUNT, dossier_id)
    assert not dossiers.get_dossier(ACCOUNT, dossier_id).content.monitored
    try:
        dossiers.update_dossier(ACCOUNT, dossier_id, DossierUpdate(description="too late"))
    except openapi_client.ApiException as refused:
        assert refused.status == 400
        assert "E201" in str(refused.body)
    else:
        raise AssertionError("a stopped dossier was changed")


def find(dossiers: DossiersApi, reference: str) -> Dossier:
    hits = dossiers.list_dossiers(ACCOUNT, dossier_reference=reference)
    assert hits.total_elements == 1
    return hits.content[0]


def wait(imports: ImportsApi, process_id: str) -> None:
    for _ in range(100):
        process = imports.get_process(ACCOUNT, process_id).content
        if process.complete:
            assert process.success
            return
        sleep(0.05)
    raise AssertionError("the import did not end")


if __name__ == "__main__":
    main(*sys.argv[1:])
