"""Many clients at once on a real server: one takes a reference, one stops a dossier (behaviour.md 6.1)."""

from __future__ import annotations

import time
from collections import Counter
from itertools import count
from typing import Any

import pytest
import requests

from tests.support import ACCOUNT, SIRET, TOKEN_URL, Api, codes, content, run_at_once

_numbers = count(1)


class Remote:
    """A user of the default account in a separate sandbox, shared by many threads."""

    def __init__(self, url: str, sandbox: str) -> None:
        form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
        form["username"] = f"api+{sandbox}@example.com"
        token = requests.post(url + TOKEN_URL, data=form, timeout=10).json()["access_token"]
        self.base = f"{url}/api/v1/account/{ACCOUNT}"
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        answer = requests.get(self.base + path, headers=self.headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["content"]

    def post(self, path: str, body: Any = None) -> requests.Response:
        return requests.post(self.base + path, json=body, headers=self.headers, timeout=30)

    def launch(self, reference: str) -> str:
        """Import a dossier of `SIRET`; return the id of the process."""
        body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": reference}
        return str(self.post("/dossiers", body).json()["content"]["processId"])

    def ended(self, process_id: str) -> dict[str, Any]:
        """Wait until the process is complete, and return it."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            process = dict(self.get(f"/dossiers/process/{process_id}"))
            if process["complete"]:
                return process
            time.sleep(0.02)
        raise AssertionError(f"process {process_id} has not ended")


@pytest.fixture
def remote(server: str) -> Remote:
    return Remote(server, f"concurrent{next(_numbers)}")


def outcome(errors: list[dict[str, str]]) -> str:
    """The codes of the errors as one text, empty for a success."""
    return " ".join(error["code"] for error in errors)


def test_of_64_imports_of_one_reference_exactly_one_creates_a_dossier(remote: Remote) -> None:
    launched = run_at_once(64, lambda _: remote.launch("SAME"))

    ended = [remote.ended(process_id) for process_id in launched]

    assert len(set(launched)) == 64
    assert Counter(process["success"] for process in ended) == {True: 1, False: 63}
    assert Counter(outcome(process["errors"]) for process in ended) == {"": 1, "E202": 63}
    assert len(remote.get("/dossiers?dossierReference=SAME")) == 1


def test_of_64_imports_of_different_references_each_creates_a_dossier(remote: Remote) -> None:
    launched = run_at_once(64, lambda number: remote.launch(f"REFERENCE-{number}"))

    ended = [remote.ended(process_id) for process_id in launched]

    made = remote.get(f"/dossiers?siret={SIRET}&pageSize=100")
    assert [outcome(process["errors"]) for process in ended] == [""] * 64
    assert len({dossier["dossierId"] for dossier in made}) == 64
    assert len({dossier["thirdpartyId"] for dossier in made}) == 1


def test_of_64_updates_to_one_reference_exactly_one_is_accepted(remote: Remote) -> None:
    launched = [remote.launch(f"PO-{number}") for number in range(64)]
    remote.ended(launched[-1])
    dossiers = [dossier["dossierId"] for dossier in remote.get(f"/dossiers?siret={SIRET}&pageSize=100")]

    answers = run_at_once(
        64, lambda number: remote.post(f"/dossiers/{dossiers[number]}", {"dossierReference": "SAME"})
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 63}
    assert Counter(outcome(answer.json()["content"]["errors"]) for answer in answers) == {"": 1, "E202": 63}
    assert len(remote.get("/dossiers?dossierReference=SAME")) == 1


def test_of_8_stops_of_one_dossier_exactly_one_is_accepted(remote: Remote) -> None:
    remote.ended(remote.launch("PO-1"))
    (dossier,) = remote.get("/dossiers?dossierReference=PO-1")

    answers = run_at_once(8, lambda _: remote.post(f"/dossiers/{dossier['dossierId']}/stop"))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 7}
    assert Counter(outcome(answer.json()["content"]["errors"]) for answer in answers) == {"": 1, "E201": 7}


# The server handles one request at a time, but the app must be thread-safe for other servers.


@pytest.mark.usefixtures("frequent_switches")
def test_of_64_updates_in_threads_of_one_app_exactly_one_is_accepted(api: Api) -> None:
    launched = [api.launch(dossierReference=f"PO-{number}") for number in range(64)]
    api.advance("PT1S")
    dossiers = [dossier["dossierId"] for dossier in content(api.get("/dossiers", siret=SIRET, pageSize=100))]
    app, token = api.client.application, api.token

    def update(number: int) -> str:
        url = api.url(f"/dossiers/{dossiers[number]}")
        headers = {"Authorization": f"Bearer {token}"}
        answer = app.test_client().post(url, json={"dossierReference": "SAME"}, headers=headers)
        return " ".join(codes(answer)) if answer.status_code == 400 else str(answer.status_code)

    answers = run_at_once(64, update)

    assert len(set(launched)) == 64
    assert Counter(answers) == {"200": 1, "E202": 63}
    assert len(content(api.get("/dossiers", dossierReference="SAME"))) == 1


@pytest.mark.usefixtures("frequent_switches")
def test_imports_of_64_threads_of_one_app_are_all_kept(api: Api) -> None:
    app, token, url = api.client.application, api.token, api.url("/dossiers")

    def launch(number: int) -> int:
        body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": f"PO-{number}"}
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().post(url, json=body, headers=headers).status_code

    statuses = run_at_once(64, launch)
    api.advance("PT1S")

    assert statuses == [200] * 64
    assert len(content(api.get("/dossiers/processes"))) == 64
    assert len(content(api.get("/dossiers", siret=SIRET, pageSize=100))) == 64
