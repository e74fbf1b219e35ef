"""Check that a generated client works: `make client`.

openapi-python-client generates a package from the OpenAPI document of each dialect. With this package alone, a user
logs in to a server, imports a dossier, reads the process, searches, updates, stops, and gets a refusal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

from mock_server.cli.own_server import own_server
from mock_server.contract import document
from mock_server.domain.operations import DIALECTS

ACCOUNT = 119631
SIRET = "99050000100013"
LONGEST_IMPORT = 100
NOTHING_FOUND = {"rest": HTTPStatus.OK, "edge": HTTPStatus.NOT_FOUND}


def main() -> None:
    """Generate a client of each dialect and use it; an assertion reports what fails."""
    with TemporaryDirectory() as folder, own_server("--import-duration", "50ms") as url:
        sys.path.insert(0, folder)
        for dialect in DIALECTS:
            generate(dialect, Path(folder))
            work(Generated(dialect, url))


def generate(dialect: str, folder: Path) -> None:
    """Write the package `rest_client` or `edge_client`; a warning of the generator is an error."""
    (folder / "config.yaml").write_text("post_hooks: []\n", encoding="utf-8")
    (folder / "document.json").write_text(json.dumps(document(dialect)), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--fail-on-warning",
        "--meta",
        "none",
    ]
    files = ["--config", "config.yaml", "--path", "document.json", "--output-path", f"{dialect}_client"]
    subprocess.run([*command, *files], cwd=folder, check=True)


class Generated:
    """A generated package with a logged-in user."""

    def __init__(self, dialect: str, url: str) -> None:
        self.dialect = dialect
        self.package = f"{dialect}_client"
        self.models = import_module(f"{self.package}.models")
        clients = import_module(f"{self.package}.client")
        self.client = clients.Client(base_url=url)
        token = self.call("token.get_token", body=self._login())
        self.client = clients.AuthenticatedClient(
            base_url=f"{url}/{dialect}/api/v1", token=token.access_token
        )

    def call(self, operation: str, *ids: object, status: int = HTTPStatus.OK, **parts: Any) -> Any:
        """Call `tag.operation`; return the model of its answer with that status, and print one line."""
        module = import_module(f"{self.package}.api.{operation}")
        answer = module.sync_detailed(*ids, client=self.client, **parts)
        line = f"{self.dialect} {operation}: {answer.status_code.value} {type(answer.parsed).__name__}"
        sys.stdout.write(f"{line}\n")
        assert answer.status_code == status, f"expected {status}: {answer.content!r}"
        assert answer.parsed is not None, f"no model: {answer.content!r}"
        return answer.parsed

    def _login(self) -> Any:
        return self.models.TokenRequest(
            grant_type=self.models.TokenRequestGrantType.PASSWORD,
            client_id=self.models.TokenRequestClientId.EA_API_EDGE,
            username=f"api+{self.dialect}@example.com",
            password="demo",
        )


def work(api: Generated) -> None:
    """Use the operations of a client in a usual order."""
    [account] = api.call("accounts.list_accounts").content
    assert account.id == ACCOUNT
    dossier = imported(api)
    renamed = api.models.DossierUpdate(dossier_reference="PO-2")
    api.call("dossiers.update_dossier", ACCOUNT, dossier.dossier_id, body=renamed)
    changed = api.call("dossiers.get_dossier", ACCOUNT, dossier.dossier_id).content
    assert changed.dossier_reference == "PO-2"
    previous = {"dossier_reference": "PO-1", "siret": SIRET}
    api.call("dossiers.list_dossiers", ACCOUNT, **previous, status=NOTHING_FOUND[api.dialect])
    api.call("dossiers.stop_dossier", ACCOUNT, dossier.dossier_id)
    refused = api.call(
        "dossiers.update_dossier",
        ACCOUNT,
        dossier.dossier_id,
        body=renamed,
        status=HTTPStatus.BAD_REQUEST,
    )
    assert [error.code for error in refused.messages.error] == ["E201"]


def imported(api: Generated) -> Any:
    """Return the dossier PO-1 after its import."""
    models = api.models
    wanted = models.NewDossier(
        company_id_type=models.CompanyIdType.CIT001, company_id_value=SIRET, dossier_reference="PO-1"
    )
    launched = api.call("dossiers.import_dossier", ACCOUNT, body=wanted).content
    for _ in range(LONGEST_IMPORT):
        process = api.call("imports.get_process", ACCOUNT, launched.process_id).content
        if process.complete:
            break
        sleep(0.05)
    assert process.success, process
    page = api.call("dossiers.list_dossiers", ACCOUNT, dossier_reference="PO-1", siret=SIRET)
    [dossier] = page.content
    assert (dossier.siret, dossier.monitored, page.total_elements) == (SIRET, True, 1)
    return dossier


if __name__ == "__main__":
    main()
