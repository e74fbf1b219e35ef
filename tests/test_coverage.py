"""Coverage: operations, codes, page edges and import outcomes that a client reached, or never reached."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from mock_server.app import create_app
from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.journal.coverage import CODES, OUTCOMES, PAGE_EDGES
from mock_server.settings import Settings
from tests.control_calls import set_rule
from tests.support import ACCOUNT, SEED_DOSSIER, Api

MakeApi = Callable[..., Api]


def coverage(api: Api) -> dict[str, Any]:
    return dict(api.control("GET", "/coverage"))


def test_at_first_nothing_is_covered(api: Api) -> None:
    found = coverage(api)

    served = [row.name for row in OPERATIONS.values() if "rest" in row.dialects]
    assert found["sandbox"] == api.sandbox
    assert found["operations"] == {"met": {}, "never": served}
    assert found["codes"] == {"met": {}, "never": [code for code in ERRORS if code != "E203"]}
    assert found["processes"]["met"] == {}
    assert {search: part["met"] for search, part in found["pages"].items()} == {
        "listDossiers": {},
        "listThirdparties": {},
    }
    assert (found["unmatched"], found["complete"]) == (0, True)


def test_an_operation_is_covered_with_each_status(api: Api) -> None:
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.get("/dossiers/1")

    operations = coverage(api)["operations"]

    assert operations["met"] == {
        "getToken": {"calls": 1, "statuses": {"200": 1}},
        "getDossier": {"calls": 3, "statuses": {"200": 2, "404": 1}},
    }
    assert "getDossier" not in operations["never"]
    assert "listDossiers" in operations["never"]


def test_a_refusal_without_a_token_is_a_status_of_the_operation(api: Api) -> None:
    api.client.get(api.url("/dossiers"), headers={"X-Mock-Sandbox": api.sandbox})

    assert coverage(api)["operations"]["met"] == {"listDossiers": {"calls": 1, "statuses": {"401": 1}}}


def test_a_fault_is_counted_by_its_name(api: Api) -> None:
    set_rule(api, {"fault": "CONNECTION_RESET_BY_PEER"})
    api.get(f"/dossiers/{SEED_DOSSIER}")

    statuses = coverage(api)["operations"]["met"]["getDossier"]["statuses"]
    assert statuses == {"CONNECTION_RESET_BY_PEER": 1}


def test_unmatched_calls_are_counted(api: Api) -> None:
    api.send("GET", "/nowhere")
    api.send("DELETE", api.url("/dossiers"))

    assert coverage(api)["unmatched"] == 2


def test_codes_are_covered_in_errors_results_and_processes(make_variant_api: MakeApi) -> None:
    api = make_variant_api(refusals="result")
    api.new_dossier()
    api.refused_import_codes()
    api.try_import(companyIdValue="1", dossierReference="")
    api.post(f"/dossiers/{SEED_DOSSIER}/reactivate")
    api.get("/dossiers/1")

    codes = coverage(api)["codes"]

    assert codes["met"] == {"E003": 1, "E010": 1, "E200": 1, "E202": 1, "E204": 1}
    assert set(codes["met"]) | set(codes["never"]) == set(CODES)


# Edges of paging, in accounts with a chosen number of dossiers

EDGES: dict[str, tuple[int, dict[str, Any], set[str]]] = {
    "no hit": (0, {}, {"empty"}),
    "one hit": (1, {}, {"oneHit", "onePage"}),
    "one hit on a page of one": (1, {"pageSize": 1}, {"oneHit", "lastFull"}),
    "one page that is not full": (9, {}, {"onePage"}),
    "exactly one page": (10, {}, {"lastFull"}),
    "the first of several": (11, {}, {"moreToCome"}),
    "the last of several": (11, {"page": 1}, {"lastPartial"}),
    "the last of several, full": (20, {"page": 1}, {"lastFull"}),
    "beyond the last": (20, {"page": 2}, {"beyondEnd"}),
    "the largest size": (20, {"pageSize": 1000}, {"onePage", "largestSize"}),
    "a larger size": (20, {"pageSize": 1001}, {"sizeTooLarge"}),
    "no size": (20, {"pageSize": 0}, {"outOfRange"}),
    "a page before the first": (20, {"page": -1}, {"outOfRange"}),
    "no number": (20, {"page": "first"}, {"notANumber"}),
    "blank": (20, {"pageSize": ""}, {"blank"}),
    "several errors": (20, {"page": -1, "pageSize": "x"}, {"outOfRange", "notANumber"}),
    "an error in another parameter": (20, {"monitored": "yes"}, set()),
}


@pytest.fixture(scope="module")
def pages() -> Flask:
    """An app with accounts at the edges of a page."""
    return create_app(Settings(fixture="pages", log_level="error"))


@pytest.mark.parametrize(("dossiers", "query", "edges"), EDGES.values(), ids=list(EDGES))
def test_the_edges_of_paging_are_covered(
    pages: Flask, dossiers: int, query: dict[str, Any], edges: set[str]
) -> None:
    name = re.sub(r"\W", "-", f"{dossiers}{query}")
    api = Api(pages.test_client(), name, user="pages", account=120000 + dossiers)
    api.get("/dossiers", **query)

    found = coverage(api)["pages"]

    assert found["listDossiers"]["met"] == dict.fromkeys(edges, 1)
    assert found["listDossiers"]["never"] == [edge for edge in PAGE_EDGES if edge not in edges]
    assert found["listThirdparties"]["met"] == {}


def test_every_edge_of_paging_has_an_example() -> None:
    assert set().union(*(edges for *_, edges in EDGES.values())) == set(PAGE_EDGES)


def test_edges_are_counted_per_search(api: Api) -> None:
    api.get("/thirdparties", pageSize=1)

    assert coverage(api)["pages"]["listThirdparties"]["met"] == {"moreToCome": 1}


# Outcomes of imports


def test_the_outcomes_of_imports_are_covered_when_the_client_reads_them(api: Api) -> None:
    process_id = api.launch()
    assert coverage(api)["processes"]["met"] == {}

    api.process(process_id)
    api.advance("PT1S")
    api.process(process_id)
    api.refused_import_codes()
    api.get("/dossiers/processes")

    processes = coverage(api)["processes"]
    assert processes["met"] == {"running": 1, "succeeded": 2, "E202": 2}
    assert set(processes["met"]) | set(processes["never"]) == set(OUTCOMES)


def test_outcomes_are_those_that_an_import_can_have() -> None:
    assert (
        *("running", "succeeded", "E021", "E030", "E101", "E102", "E103", "E104", "E105"),
        *("E111", "E112", "E113", "E121", "E122", "E202", "E301", "E302"),
    ) == OUTCOMES


# Independent of the journal


def test_coverage_includes_what_the_journal_dropped(make_server_api: MakeApi) -> None:
    api = make_server_api(journal_entries=2)
    for _ in range(5):
        api.get("/dossiers")

    assert coverage(api)["operations"]["met"]["listDossiers"]["calls"] == 5


@pytest.mark.parametrize(
    ("method", "path", "body", "calls"),
    [
        ("DELETE", "/requests", None, 2),
        ("POST", "/reset", {"only": ["state"]}, 2),
        ("POST", "/reset", {"only": ["journal"]}, 0),
        ("POST", "/reset", {}, 0),
    ],
    ids=["the requests deleted", "another part reset", "the journal reset", "all reset"],
)
def test_coverage_continues_until_the_journal_is_reset(
    api: Api, method: str, path: str, body: Any, calls: int
) -> None:
    api.get("/dossiers")

    api.control(method, path, body)

    met = coverage(api)["operations"]["met"]
    assert sum(row["calls"] for row in met.values()) == calls


def test_coverage_is_per_sandbox(make_api: MakeApi) -> None:
    one, other = make_api(), make_api()
    one.get("/dossiers")

    assert "listDossiers" not in coverage(other)["operations"]["met"]


def test_both_prefixes_are_the_same_operations(api: Api) -> None:
    api.send("GET", f"/rest/api/v1/account/{ACCOUNT}/dossiers")
    api.send("GET", f"/api/v1/account/{ACCOUNT}/dossiers")

    assert coverage(api)["operations"]["met"]["listDossiers"]["calls"] == 2


def test_a_variant_is_covered_by_the_calls_under_it(api: Api) -> None:
    assert coverage(api)["variants"]["met"] == {}
    api.control("PUT", "/variants", {"refusals": "result"})
    api.get("/dossiers")
    variants = coverage(api)["variants"]

    assert (variants["met"]["refusals=result"], "refusals=http400" in variants["never"]) == (2, True)


def test_the_server_counts_for_all_its_sandboxes() -> None:
    client = create_app(Settings(log_level="error")).test_client()
    for name in ("one", "two"):
        Api(client, name).get("/dossiers")
    client.delete("/__admin/sandboxes/one")

    found = client.get("/__admin/coverage?scope=server").json or {}

    assert found["sandbox"] is None
    assert found["operations"]["met"]["listDossiers"] == {"calls": 2, "statuses": {"200": 2}}


def test_an_unknown_sandbox_and_scope_are_rejected(api: Api) -> None:
    unknown = api.client.get("/__admin/coverage?sandbox=never")
    scope = api.client.get("/__admin/coverage?scope=all")

    assert (unknown.status_code, (unknown.json or {})["detail"]) == (
        404,
        "there is no sandbox 'never'; GET /__admin/sandboxes lists them",
    )
    assert (scope.status_code, (scope.json or {})["detail"]) == (400, "scope is sandbox or server, not 'all'")
