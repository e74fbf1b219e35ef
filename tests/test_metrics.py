"""The metrics, as Prometheus reads them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mock_server.control.metrics import METRICS
from tests.control_calls import set_rule
from tests.support import ACCOUNT, SEED_DOSSIER, SIRET, Api

MakeApi = Callable[..., Api]
PAGE = (Path(__file__).parent.parent / "docs" / "control.md").read_text(encoding="utf-8")
CLOSED = "99000103400018"


@pytest.fixture
def api(make_server_api: MakeApi) -> Api:
    """The default user of a separate server: metrics count all sandboxes."""
    return make_server_api()


def scrape(api: Api) -> str:
    return api.client.get("/__admin/metrics").text


def samples(api: Api, name: str) -> dict[str, float]:
    """The samples of a metric, by the values of its labels in the order of the documentation."""
    labels = next(row.labels for row in METRICS if row.name == f"mock_server_{name}")
    return {
        " ".join(sample.labels[label] for label in labels): sample.value
        for family in text_string_to_metric_families(scrape(api))
        for sample in family.samples
        if sample.name == f"mock_server_{name}"
    }


def test_requests_are_counted_by_operation_dialect_and_status(api: Api) -> None:
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.get("/dossiers/1")
    api.send("GET", f"/edge/api/v1/account/{ACCOUNT}/dossiers")

    assert samples(api, "requests_total") == {
        "getToken none 200": 1,
        "getDossier rest 200": 2,
        "getDossier rest 404": 1,
        "listDossiers edge 200": 1,
    }


def test_control_calls_are_not_counted(api: Api) -> None:
    api.control("GET", "/health")

    assert samples(api, "requests_total") == {}


def test_a_path_that_the_api_does_not_have_is_unmatched(api: Api) -> None:
    assert samples(api, "unmatched_requests_total") == {"": 0}

    api.get("/dosiers")

    assert samples(api, "unmatched_requests_total") == {"": 1}
    assert samples(api, "requests_total")["none none 404"] == 1


def test_refusals_are_counted_by_operation_and_code(api: Api) -> None:
    api.get("/dossiers/1")
    api.get("/dossiers", pageSize=5000, page="x")

    assert samples(api, "refusals_total") == {
        "getDossier E200": 1,
        "listDossiers E010": 1,
        "listDossiers E011": 1,
    }


def test_an_import_is_counted_once_however_often_it_is_asked_for(api: Api) -> None:
    failed = api.launch(companyIdValue=CLOSED)
    api.advance("PT1S")
    api.process(failed)
    api.process(failed)
    api.launch()
    api.advance("PT1S")

    ended = {outcome: count for outcome, count in samples(api, "imports_total").items() if count}
    assert ended == {"E103": 1, "succeeded": 1}
    assert samples(api, "refusals_total") == {}


def test_an_import_counts_when_it_ends_and_asking_for_the_metrics_is_enough(api: Api) -> None:
    api.launch()
    assert samples(api, "imports_total")["succeeded"] == 0

    api.control("PUT", "/clock", {"frozen": False})
    api.control("POST", "/reset", {"only": ["journal"]})
    api.advance("PT1S")

    assert samples(api, "imports_total")["succeeded"] == 1


def test_an_import_ended_by_a_control_call_counts_and_a_held_one_does_not(api: Api) -> None:
    api.control("POST", f"/processes/{api.launch()}", {"outcome": "hold"})
    api.control("POST", f"/processes/{api.launch()}", {"outcome": "fail", "code": "E101"})

    assert sum(samples(api, "imports_total").values()) == 1
    assert samples(api, "imports_total")["E101"] == 1


def test_rules_are_counted_by_effect(api: Api) -> None:
    set_rule(api, {"patch": {"content": {"siren": None}}}, "getDossier", name="patched", times=1)
    set_rule(api, {"delay": {"type": "fixed", "milliseconds": 0}}, "getDossier", name="delayed", times=1)
    set_rule(api, {"respond": {"status": 503}}, "getDossier", name="down", times=1)
    set_rule(api, {"fault": "EMPTY_RESPONSE"}, "listDossiers", name="cut")
    set_rule(api, {"fault": "EMPTY_BODY"}, "listAllDossiers", name="empty")
    for _ in range(4):
        api.get(f"/dossiers/{SEED_DOSSIER}")
    api.get("/dossiers")
    api.get("/dossiers/all")

    assert samples(api, "rules_applied_total") == {
        "patch": 1,
        "delay": 1,
        "respond": 1,
        "fault": 2,
    }
    assert samples(api, "faults_total") == {"EMPTY_RESPONSE": 1, "EMPTY_BODY": 1}
    assert samples(api, "requests_total")["listDossiers rest none"] == 1


def test_a_reset_or_a_deleted_sandbox_changes_no_count(api: Api) -> None:
    other = Api(api.client, "other")
    other.import_and_wait(companyIdValue=SIRET)
    other.get("/dosiers")
    before = {name: samples(api, name) for name in ("requests_total", "imports_total")}

    other.control("POST", "/reset")
    other.control("DELETE", "/requests")
    api.control("DELETE", "/sandboxes/other")

    assert {name: samples(api, name) for name in before} == before
    assert samples(api, "unmatched_requests_total") == {"": 1}


def test_sandboxes_and_dossiers_are_the_present_ones(api: Api) -> None:
    [dossiers] = samples(api, "dossiers").values()
    assert dossiers == api.control("GET", "/health")["counts"]["dossiers"]

    Api(api.client, "other").control("GET", "/clock")

    assert samples(api, "sandboxes") == {"": 2}
    assert samples(api, "dossiers") == {"": 2 * dossiers}


def test_the_versions_of_the_server_are_labels(api: Api) -> None:
    version = api.control("GET", "/health")["version"]

    assert samples(api, "build_info") == {f"{version} {sys.version.split()[0]}": 1}
    assert samples(api, "uptime_seconds")[""] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows what a process uses")
def test_the_process_has_its_metrics(api: Api) -> None:
    assert "\nprocess_resident_memory_bytes " in scrape(api)


def test_the_page_lists_exactly_the_metrics() -> None:
    written = re.findall(r"^\| `(mock_server_\w+)` \| (\w+) \|(.*)\| (.*) \|$", PAGE, re.MULTILINE)

    assert [
        (name, kind, re.findall(r"`(\w+)`", labels), meaning) for name, kind, labels, meaning in written
    ] == [(row.name, row.kind, list(row.labels), row.help) for row in METRICS]


def test_a_scrape_has_exactly_the_metrics(api: Api) -> None:
    exposed = re.findall(r"^# HELP (mock_server_\w+)", scrape(api), re.MULTILINE)

    assert exposed == [row.name for row in METRICS]


def test_only_a_scrape_imports_the_library() -> None:
    code = "import sys, mock_server.app; sys.exit('prometheus_client' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
