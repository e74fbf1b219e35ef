"""A sandbox starts over from another recipe: one by name, one sent as JSON, or the text of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mock_server.fixtures import recipes
from tests.support import SIRET, Api, content

RECIPE: dict[str, Any] = {
    "version": 1,
    "title": "Mine",
    "include": ["catalogue"],
    "users": [{"username": "me@example.com", "password": "secret", "accounts": [7]}],
    "accounts": [{"accountId": 7}, {"accountId": 8, "population": {"dossiers": 12}}],
    "dossiers": [{"siret": SIRET, "dossierReference": "A", "dossierId": 5}],
}
TEXT = f"""\
version: 1
include: [catalogue]
accounts: [{{accountId: 7}}]
dossiers:
  - siret: "{SIRET}"
    dossierReference: A
"""


def put(api: Api, body: object = None, *, text: str | None = None) -> TestResponse:
    headers = {"X-Mock-Sandbox": api.sandbox}
    if text is None:
        return api.client.put("/__admin/fixture", json=body, headers=headers)
    return api.client.put("/__admin/fixture", data=text, content_type="application/yaml", headers=headers)


def users(api: Api) -> list[str]:
    return [user["username"] for user in api.control("GET", "/fixture")["users"]]


def again(api: Api, user: str = "api", account: int = 7) -> Api:
    """The same sandbox for another user."""
    other = Api(api.client, api.sandbox, user=user, account=account)
    other.account = account
    return other


def test_a_sandbox_starts_over_from_a_bundled_recipe(api: Api) -> None:
    answer = put(api, {"name": "pages"})

    assert (answer.json or {})["name"] == api.control("GET", "/fixture")["name"] == "pages"
    assert content(again(api, account=120021).get("/dossiers/all")) != []


@pytest.mark.parametrize(
    "populations",
    [[{"dossiers": 20_001}], [{"dossiers": 10_000}, {"dossiers": 0, "thirdparties": 10_001}]],
    ids=["in one account", "together"],
)
def test_a_recipe_that_is_sent_has_a_size_limit(api: Api, populations: list[dict[str, int]]) -> None:
    accounts = [{"accountId": 7 + n, "population": wanted} for n, wanted in enumerate(populations)]

    answer = put(api, {"recipe": {"version": 1, "accounts": accounts}})

    assert answer.status_code == 400
    assert (answer.json or {})["detail"] == (
        f"the recipe sent: $.accounts[{len(populations) - 1}].population: a recipe that is sent generates at"
        " most 20000 dossiers and third parties; start a server from a larger one"
    )


def test_a_recipe_that_is_sent_may_have_the_size_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "MAX_SENT", 12)
    accounts = [{"accountId": 7, "population": {"dossiers": 8, "thirdparties": 4}}, {"accountId": 8}]

    assert put(api, {"recipe": {"version": 1, "accounts": accounts}}).status_code == 200


def test_a_new_fixture_does_not_change_other_sandboxes(make_api: Callable[..., Api]) -> None:
    api, other = make_api(), make_api()

    put(api, {"name": "pages"})

    assert other.control("GET", "/fixture")["name"] == "default"
    assert "pages@example.com" in users(api)
    assert "pages@example.com" not in users(other)


def test_a_recipe_is_sent_as_json(api: Api) -> None:
    answer = put(api, {"recipe": RECIPE})

    assert answer.status_code == 200, answer.text
    assert (answer.json or {})["title"] == "Mine"
    own = again(api)
    assert [dossier["dossierId"] for dossier in content(own.get("/dossiers/all"))] == [5]
    assert len(api.control("GET", "/state")["content"]["dossiers"]) == 13


def test_a_recipe_is_sent_as_the_text_of_its_file(api: Api) -> None:
    answer = put(api, text=TEXT)

    assert answer.status_code == 200, answer.text
    assert [row["dossierReference"] for row in content(again(api).get("/dossiers/all"))] == ["A"]


def test_the_users_of_the_new_fixture_log_in_and_the_previous_ones_are_undeclared(api: Api) -> None:
    put(api, {"recipe": RECIPE})

    mine = again(api, user="me")
    assert "access_token" not in mine.log_in("demo")
    assert "access_token" in mine.log_in("secret")
    # No longer declared: any password works, with the default account.
    previous = again(api)
    assert "access_token" in previous.log_in("anything")
    assert [account["id"] for account in content(previous.send("GET", "/api/v1/account"))] == [7]


def test_a_reset_returns_to_the_new_fixture(api: Api) -> None:
    put(api, {"recipe": RECIPE})
    own = again(api)
    own.new_dossier(dossierReference="B")

    own.control("POST", "/reset")

    assert [dossier["dossierId"] for dossier in content(again(api).get("/dossiers/all"))] == [5]
    assert users(api) == ["me@example.com"]


def test_a_new_fixture_keeps_clock_and_variants(api: Api) -> None:
    api.set_clock("2031-05-03T10:00:00")
    api.control("PUT", "/variants", {"refusals": "result"})

    put(api, {"recipe": RECIPE})

    assert api.control("GET", "/clock")["now"] == "2031-05-03T10:00:00.000"
    assert api.control("GET", "/variants")["refusals"] == "result"
    # What a recipe leaves open begins on the day of the clock.
    assert again(api).dossier(5)["startingDate"] == "2031-05-03T00:00:00.000"


def test_a_snapshot_brings_back_content_and_users(api: Api) -> None:
    api.control("POST", "/snapshots/before")
    put(api, {"recipe": RECIPE})

    api.control("POST", "/snapshots/before/restore")

    assert "access_token" not in api.log_in("wrong")
    assert content(api.get("/dossiers", dossierReference="TEST")) != []


def test_recipes_of_the_folder_are_known_by_name(make_server_api: Callable[..., Api], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(TEXT, encoding="utf-8")
    api = make_server_api(fixtures_dir=tmp_path)

    assert put(api, {"name": "mine"}).status_code == 200
    including = put(api, text="version: 1\ninclude: [mine]\n")

    assert including.status_code == 200, including.text
    assert [row["dossierReference"] for row in content(again(api).get("/dossiers/all"))] == ["A"]


def test_a_state_is_sent_without_a_name_and_a_recipe(api: Api) -> None:
    state = {"state": api.control("GET", "/state")}

    for more, status in (({}, 200), ({"name": "pages"}, 400), ({"recipe": RECIPE}, 400)):
        assert put(api, state | more).status_code == status
    state["state"]["playing"]["rules"] = [{"name": "a", "when": {"operation": "getDosier"}, "then": {}}]
    refused = put(api, state)
    assert refused.status_code == 400
    assert (refused.json or {})["detail"].startswith("$.state.playing.rules[0].when.operation: there is no")


REFUSED: dict[str, tuple[object, str | None, str]] = {
    "nothing": ({}, None, 'send {"name": "pages"}'),
    "both": ({"name": "pages", "recipe": RECIPE}, None, 'send {"name": "pages"}'),
    "no such recipe": ({"name": "nope"}, None, "there is no recipe 'nope'; there are"),
    "a path": ({"name": "/etc/passwd.yaml"}, None, "there is no recipe '/etc/passwd.yaml'"),
    "no account in it": ({"name": "catalogue"}, None, "there is no account in it to serve"),
    "an unknown key": (
        {"recipe": {"version": 1, "dossers": []}},
        None,
        "unknown key 'dossers'; did you mean 'dossiers'?",
    ),
    "an invalid value": (
        {"recipe": RECIPE | {"dossiers": [{"siret": "99050000100014", "dossierReference": "A"}]}},
        None,
        "the recipe sent: $.dossiers[0].siret: '99050000100014' is not a well-formed SIRET",
    ),
    "an unknown key in a text": (None, f"{TEXT}dossers: []\n", "the recipe sent:7: $: unknown key 'dossers'"),
    "an invalid value of a text": (
        None,
        TEXT.replace(SIRET, "99050000100014"),
        "the recipe sent:5: $.dossiers[0].siret: '99050000100014' is not a well-formed SIRET",
    ),
    "a text that is not YAML": (None, "version: [\n", "the recipe sent:2: "),
    "an include that is not there": (
        None,
        "version: 1\ninclude: [catalogue, nope]\n",
        "the recipe sent:2: $.include[1]: there is no recipe 'nope'",
    ),
    "an include by path": (
        {"recipe": {"version": 1, "include": ["./other.yaml"]}},
        None,
        "the recipe sent: $.include[0]: ./other.yaml is a path",
    ),
    "a text without an account": (
        None,
        "version: 1\ninclude: [catalogue]\n",
        "the recipe sent: there is no account",
    ),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_an_invalid_recipe_is_rejected_with_its_place_and_changes_nothing(
    api: Api, refused: tuple[object, str | None, str]
) -> None:
    body, text, detail = refused
    before = api.control("GET", "/state")

    answer = put(api, body, text=text)

    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert detail in (answer.json or {})["detail"]
    assert api.control("GET", "/state") == before
