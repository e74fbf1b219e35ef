"""Strict mode: what the API ignores is named in a header, or rejected, and found in the journal."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.journal.hints import WARNINGS, Polls
from mock_server.settings import Settings
from tests.control_calls import latest, log_in, requests_of, set_rule
from tests.support import ACCOUNT, OTHER_SIRET, SIRET, TOKEN_URL, Api

PAGE = (Path(__file__).parent.parent / "docs" / "verify.md").read_text(encoding="utf-8")
ORDER = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"}

_numbers = count(1)


def set_strict(api: Api, mode: str) -> None:
    api.control("PUT", "/strict", {"strict": mode})


def codes_of(answer: TestResponse) -> list[str]:
    """The codes in the header."""
    return re.findall(r"(?:^|; )(\w+): ", answer.headers.get("X-Mock-Warning", ""))


def search(**query: Any) -> Callable[[Api], TestResponse]:
    return lambda api: api.get("/dossiers", **query)


WARNED: dict[str, tuple[Callable[[Api], TestResponse], list[str]]] = {
    "nothing": (search(page=0, pageSize=5, siret=SIRET), []),
    "an unknown parameter": (search(colour="red"), ["unknownParameter"]),
    "a parameter of another operation": (lambda api: api.get("/requirements", page=1), ["unknownParameter"]),
    "another case": (search(pagesize=5), ["wrongCase"]),
    "an underscore": (search(dossier_reference="PO-1"), ["wrongCase"]),
    "a parameter twice": (
        lambda api: api.send("GET", api.url("/dossiers?page=0&page=1")),
        ["repeatedParameter"],
    ),
    "a time in a day": (search(stateLastChangeDate="2024-03-02T10:00:00"), ["timeOfDay"]),
    "an unknown member": (lambda api: api.post("/dossiers", ORDER | {"colour": "red"}), ["unknownMember"]),
    "a member in another case": (
        lambda api: api.post("/dossiers", ORDER | {"ExpirationDate": "2090-12-31"}),
        ["wrongCase"],
    ),
    "another sandbox": (
        lambda api: api.send("GET", api.url("/dossiers"), headers={"X-Mock-Sandbox": "other"}),
        ["sandboxHeader"],
    ),
    "the default sandbox, which is another one": (
        lambda api: api.send("GET", api.url("/dossiers?sandbox=default")),
        ["sandboxHeader"],
    ),
    "its own sandbox": (
        lambda api: api.send("GET", api.url("/dossiers"), headers={"X-Mock-Sandbox": api.sandbox}),
        [],
    ),
    "a token below the base path": (
        lambda api: api.client.post(
            f"/{api.dialect}/api/v1{TOKEN_URL}",
            data={
                "grant_type": "password",
                "client_id": "ea-api-edge",
                "username": f"api+{api.sandbox}@example.com",
                "password": "demo",
            },
        ),
        ["tokenPath"],
    ),
    "two at once": (search(colour="red", pagesize=5), ["unknownParameter", "wrongCase"]),
    "a rejected search": (search(page=-1, colour="red"), ["unknownParameter"]),
}


def test_a_warning_is_in_a_header_and_in_the_journal(make_api: Callable[..., Api]) -> None:
    for name, (act, expected) in WARNED.items():
        api = make_api()
        plain = act(api)
        set_strict(api, "warn")
        answer = act(api)
        assert (codes_of(plain), codes_of(answer)) == ([], expected), name
        assert answer.status_code == plain.status_code, name
        assert latest(api)["warningCodes"] == expected, name
        assert len(latest(api)["warnings"]) == len(expected), name


@pytest.mark.dialects("rest", "edge")
def test_an_operator_that_compares_nothing_is_unknown_in_rest(api: Api) -> None:
    set_strict(api, "warn")
    code = {"rest": "unknownParameter", "edge": "filterWithoutEffect"}[api.dialect]

    assert codes_of(api.get("/dossiers", op="like")) == [code]
    assert codes_of(api.get("/dossiers", op="like", dossierReference="PO")) == (
        ["unknownParameter"] if api.dialect == "rest" else []
    )


@pytest.fixture
def unchecked(client: FlaskClient) -> Api:
    """An api in strict mode `fail`, whose answers are not those of the contract."""
    app = client.application
    api = Api(FlaskClient(app, app.response_class), f"strict{next(_numbers)}")
    assert api.token
    set_strict(api, "fail")
    return api


@pytest.mark.parametrize("name", [name for name, (_, expected) in WARNED.items() if expected])
def test_fail_rejects_the_call_in_another_format(unchecked: Api, name: str) -> None:
    act, expected = WARNED[name]
    answer = act(unchecked)
    body = answer.json or {}

    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert body["title"] == "Rejected by the strict mode of mock-server"
    assert [warning["code"] for warning in body["warnings"]] == expected == codes_of(answer)
    recorded = latest(unchecked)
    assert recorded["warningCodes"] == expected
    [cause] = unchecked.control("GET", f"/requests/{recorded['number']}")["why"]
    assert cause["sentence"].rstrip(".").lower() == body["detail"].rstrip(".").lower()
    assert unchecked.get("/dossiers/processes").json == {"content": []}
    assert unchecked.post("/dossiers", ORDER | {"companyIdValue": OTHER_SIRET}).status_code == 200


def test_the_login_is_checked_too(unchecked: Api) -> None:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": unchecked.username}
    answer = unchecked.client.post(
        "/auth/realms/eat_realm/protocol/openid-connect/token", data=form | {"password": "demo", "Scope": "x"}
    )

    assert (answer.status_code, codes_of(answer)) == (400, ["wrongCase"])
    assert log_in(unchecked).status_code == 200


def test_a_call_without_a_valid_token_or_with_a_rule_gets_no_warning(unchecked: Api) -> None:
    set_rule(unchecked, {"respond": {"status": 503}}, "getDossier")
    url = unchecked.url("/dossiers", colour="red")

    assert unchecked.client.get(url).status_code == 401
    assert unchecked.get("/dossiers/1", colour="red").status_code == 503


def test_the_first_hundred_names_of_a_call_are_checked(api: Api) -> None:
    names = [f"x{number}" for number in range(101)]
    api.get("/dossiers", **dict.fromkeys(names, 1))
    api.try_import(**dict.fromkeys(names, 1))
    search, order = requests_of(api)[-2:]

    assert len(search["warnings"]) == 100
    assert f"'{names[99]}'" in search["warnings"][-1]
    assert len(order["warnings"]) == 100 - len(ORDER)


def test_many_requests_for_an_import_within_a_second_are_too_fast(api: Api) -> None:
    set_strict(api, "warn")
    process_id = (api.post("/dossiers", ORDER).json or {})["content"]["processId"]
    path = f"/dossiers/process/{process_id}"

    assert [codes_of(api.get(path)) for _ in range(10)] == [[]] * 10
    assert codes_of(api.get(path)) == ["fastPolling"]
    api.advance("PT1S")
    assert codes_of(api.get(path)) == []
    assert api.control("POST", "/requests/count", {"warning": "fastPolling"})["count"] == 1


def test_polls_are_counted_per_import_in_real_time_and_on_the_clock() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    for real, passed, fast in (
        (0.999, 0.0, True),
        (1.0, 0.0, False),
        (1.2, 0.0, False),
        (0.9, 0.999, True),
        (0.9, 1.0, False),
        (0.9, -0.999, True),
        (0.9, -1.0, False),
    ):
        polls = Polls()
        assert [polls.is_fast("a", 0.0 if at == 0 else 0.5, now) for at in range(10)] == [False] * 10
        assert not polls.is_fast("b", 0.9, now)
        assert polls.copy().is_fast("a", real, now + timedelta(seconds=passed)) == fast, (real, passed)
        assert polls.is_fast("a", real, now + timedelta(seconds=passed)) == fast, (real, passed)
    for at in range(2000):
        polls.is_fast(str(at), 0, now)
    assert len(polls._times) == 1000  # noqa: SLF001


def test_a_warning_is_found_and_verified(api: Api) -> None:
    api.get("/dossiers", pagesize=5)
    api.get("/dossiers", colour="red")

    def found(warning: Any) -> int:
        return int(api.control("POST", "/requests/count", {"warning": warning})["count"])

    assert [found("wrongCase"), found(["wrongCase", "unknownParameter"]), found("unknownMember")] == [1, 2, 0]
    wrong = api.client.post("/__admin/requests/count", json={"warning": "wrongcase"})
    assert (wrong.json or {})[
        "detail"
    ] == "$.warning: there is no warning 'wrongcase'; did you mean 'wrongCase'?"
    wanted = {"expectations": [{"request": {"warning": "unknownMember"}}]}
    failed = api.client.post(f"/__admin/verify?sandbox={api.sandbox}", json=wanted).json or {}
    assert "expected at least 1, found none" in failed["detail"]


def test_strict_mode_is_set_per_sandbox_and_a_reset_sets_it_back(api: Api) -> None:
    assert api.control("GET", "/strict") == {"strict": "off"}
    assert api.control("PUT", "/strict", {"strict": "warn"}) == {"strict": "warn"}
    assert (api.client.get("/__admin/strict?sandbox=another").json or {}) == {"strict": "off"}
    api.control("POST", "/reset", {"only": ["strict"]})
    assert api.control("GET", "/strict") == {"strict": "off"}

    server = Api(create_app(Settings(strict="warn", log_level="error")).test_client(), "own")
    assert codes_of(server.get("/dossiers", colour="red")) == ["unknownParameter"]
    set_strict(server, "off")
    server.control("POST", "/reset", {})
    assert server.control("GET", "/strict") == {"strict": "warn"}


def test_a_wrong_mode_is_rejected(api: Api) -> None:
    for body in ({"strict": "loud"}, {"strict": None}, {}, {"strict": "off", "x": 1}):
        answer = api.client.put("/__admin/strict", json=body)
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json"), body
        assert "$" in (answer.json or {})["detail"], body


def test_every_warning_is_documented() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)).items() >= WARNINGS.items()
    assert f"account/{ACCOUNT}" in PAGE
