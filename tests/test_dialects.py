"""The dialect that serves a request, and one sandbox seen through both (behaviour.md 1.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from mock_server.app import create_app
from mock_server.dialects import DIALECTS
from mock_server.domain.operations import OPERATIONS
from mock_server.settings import SETTINGS, Settings
from mock_server.web.routing import PREFIXES
from tests.support import SEED_DOSSIER, Api, assert_protocol_error, content, running_server

MakeApi = Callable[..., Api]

ROOT = Path(__file__).parent.parent
DOSSIER = f"/account/119631/dossiers/{SEED_DOSSIER}"
EVIDENCES = f"{DOSSIER}/documents/511394021/evidences"

CHOSEN = [
    # The server's own dialect, path, host: the dialect of the answer.
    ("rest", "/api/v1", "localhost", "rest"),
    ("edge", "/api/v1", "localhost", "edge"),
    ("rest", "/rest/api/v1", "localhost", "rest"),
    ("rest", "/edge/api/v1", "localhost", "edge"),
    ("edge", "/rest/api/v1", "localhost", "rest"),
    ("edge", "/edge/api/v1", "localhost", "edge"),
    ("rest", "/api/v1", "edge.e-attestations.com", "edge"),
    ("rest", "/api/v1", "edge.test-e-attestations.com:8080", "edge"),
    ("rest", "/api/v1", "EDGE.Local", "edge"),
    ("edge", "/api/v1", "rs.e-attestations.com", "rest"),
    ("edge", "/api/v1", "rs.test-e-attestations.com", "rest"),
    ("rest", "/rest/api/v1", "edge.e-attestations.com", "rest"),
    ("edge", "/edge/api/v1", "rs.e-attestations.com", "edge"),
    # Names that only look alike.
    ("rest", "/api/v1", "edge", "rest"),
    ("rest", "/api/v1", "edge:8080", "rest"),
    ("rest", "/api/v1", "edges.example", "rest"),
    ("rest", "/api/v1", "my.edge.example", "rest"),
    ("edge", "/api/v1", "rest.example", "edge"),
    ("edge", "/api/v1", "127.0.0.1:8080", "edge"),
    ("edge", "/api/v1", "[::1]:8080", "edge"),
]


def dialect_of(answer: Any) -> str:
    """The dialect of a dossier."""
    return "edge" if "isMonitored" in content(answer) else "rest"


@pytest.fixture(scope="module")
def apis() -> dict[str, Api]:
    """An api of a server of each dialect."""
    return {
        name: Api(create_app(Settings(log_level="error", dialect=name)).test_client(), "default")
        for name in DIALECTS
    }


@pytest.mark.parametrize(
    ("own", "prefix", "host", "expected"), CHOSEN, ids=[f"{row[0]}: {row[1]} at {row[2]}" for row in CHOSEN]
)
def test_the_prefix_selects_the_dialect_then_the_host_then_the_option(
    apis: dict[str, Api], own: str, prefix: str, host: str, expected: str
) -> None:
    answer = apis[own].send("GET", f"{prefix}{DOSSIER}", headers={"Host": host})

    assert dialect_of(answer) == expected


def test_the_option_knows_every_dialect() -> None:
    (option,) = [setting for setting in SETTINGS if setting.name == "dialect"]

    assert [option.read(name) for name in DIALECTS] == list(DIALECTS)
    assert option.metavar.split("|") == list(DIALECTS)


@pytest.mark.parametrize("own", DIALECTS)
def test_health_shows_the_dialect_of_the_server(apis: dict[str, Api], own: str) -> None:
    assert apis[own].control("GET", "/health")["dialect"] == own


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("rest", {"emptySearch": "page", "requirementsUpdate": "replace"}),
        ("edge", {"emptySearch": "not-found", "requirementsUpdate": "add"}),
    ],
)
def test_the_variants_shown_are_those_of_the_server_s_dialect(
    apis: dict[str, Api], own: str, expected: dict[str, str]
) -> None:
    variants = apis[own].control("GET", "/variants")

    assert {name: variants[name] for name in expected} == expected


def test_a_variant_that_is_chosen_holds_in_both_dialects(api: Api) -> None:
    api.control("PUT", "/variants", {"emptySearch": "not-found"})

    answers = [api.send("GET", f"{prefix}/account/119631/dossiers?siren=1") for prefix in PREFIXES]

    assert [answer.status_code for answer in answers] == [404] * len(PREFIXES)


@pytest.mark.parametrize("flag", [True, False], ids=["flag", "environment"])
def test_a_real_server_serves_the_dialect_of_its_option(flag: bool) -> None:  # noqa: FBT001
    arguments = ("--dialect", "edge") if flag else ()
    environment = {} if flag else {"MOCK_SERVER_DIALECT": "edge"}
    with running_server("--auth", "off", *arguments, **environment) as (url, _):
        own = requests.get(f"{url}/api/v1{DOSSIER}", timeout=5).json()["content"]
        other = requests.get(
            f"{url}/api/v1{DOSSIER}", headers={"Host": "rs.test-e-attestations.com"}, timeout=5
        ).json()["content"]

    assert ("isMonitored" in own, "isMonitored" in other) == (True, False)


# One sandbox, two views of it.


@pytest.fixture
def both(make_api: MakeApi) -> dict[str, Api]:
    """The same user of one sandbox, once in each dialect."""
    rest = make_api()
    return {"rest": rest, "edge": Api(rest.client, rest.sandbox, dialect="edge")}


SAME = {
    *("dossierId", "thirdpartyId", "dossierReference", "thirdpartyCode", "monitored", "state", "siren"),
    *("description", "startingDate", "expirationDate", "stoppingDate", "stoppingReason", "companyIdValue"),
}


@pytest.mark.parametrize(("writes", "reads"), [("rest", "edge"), ("edge", "rest")])
def test_a_change_in_one_dialect_is_visible_in_the_other(
    both: dict[str, Api], writes: str, reads: str
) -> None:
    dossier = both[writes].new_dossier(dossierReference="PO-7", thirdpartyCode="F7")
    path = f"/dossiers/{dossier['dossierId']}"

    both[writes].post(path, {"description": "Sites"})
    after_update = both[reads].dossier(dossier["dossierId"])
    both[writes].post(f"{path}/stop")
    after_stop = both[reads].dossier(dossier["dossierId"])

    assert {name: after_update[name] for name in SAME} == {
        name: dossier[name] for name in SAME - {"description"}
    } | {"description": "Sites"}
    assert (after_stop["monitored"], after_stop["documents"]) == (False, [])


def test_an_import_launched_in_one_dialect_is_followed_in_the_other(both: dict[str, Api]) -> None:
    process_id = both["edge"].launch(companyIdValue="99000103400018")
    both["rest"].advance("PT1S")

    assert both["rest"].process(process_id) == {
        "processId": process_id,
        "complete": True,
        "success": False,
        "errors": [{"code": "E103", "message": "L'établissement est fermé."}],
    }
    assert [error["message"] for error in both["edge"].process(process_id)["errors"]] == [
        "The establishment is closed"
    ]


def test_a_page_read_in_both_dialects_in_turns_does_not_change(both: dict[str, Api]) -> None:
    first = {name: api.get("/dossiers", pageSize=200).json for name, api in both.items()}
    again = {name: api.get("/dossiers", pageSize=200).json for name, api in both.items()}

    assert again == first
    assert first["rest"] != first["edge"]


def test_a_form_is_an_evidence_in_one_dialect_and_no_file_in_the_other(both: dict[str, Api]) -> None:
    form = {"formdata": [{"type": "text", "key": "f_1", "title": "Nom", "order": 0, "value": "x"}]}
    both["rest"].control("POST", f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences", form)

    (as_rest,), (as_edge,) = (
        content(both[name].get(f"/dossiers/{SEED_DOSSIER}/documents")) for name in ("rest", "edge")
    )

    assert [as_rest["present"], as_rest["listFileInformation"]] == [True, []]
    assert [as_edge["present"], len(as_edge["evidences"])] == [True, 1]


def test_a_file_is_downloaded_by_one_id_in_both(both: dict[str, Api]) -> None:
    both["edge"].control("POST", f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences", {"fileSize": 4096})

    downloads = [
        api.get(f"/dossiers/{SEED_DOSSIER}/documents/511394021/files/{api.file_id(file)}").data
        for api in both.values()
        for file in content(api.get(f"/dossiers/{SEED_DOSSIER}/documents/511394021/files"))
    ]

    assert [len(each) for each in downloads] == [4096, 4096]
    assert downloads[0] == downloads[1]


# Operations that one dialect has for itself.


EDGE_ALONE = [name for name, row in OPERATIONS.items() if row.dialects == ("edge",)]


def test_two_operations_are_those_of_edge_alone() -> None:
    assert EDGE_ALONE == ["searchThirdparties", "listEvidences"]


@pytest.mark.parametrize("prefix", [prefix for prefix, dialect in PREFIXES.items() if dialect != "edge"])
def test_rest_has_no_path_of_evidences(api: Api, prefix: str) -> None:
    answer = api.send("GET", f"{prefix}{EVIDENCES}")

    assert_protocol_error(answer, 404)
    assert answer.headers["X-Mock-Unmatched"] == f"GET {prefix}{EVIDENCES}"


@pytest.mark.parametrize("prefix", [prefix for prefix, dialect in PREFIXES.items() if dialect != "edge"])
def test_rest_reads_q_as_an_id(api: Api, prefix: str) -> None:
    answer = api.send("GET", f"{prefix}/account/119631/thirdparties/q?search=workforce>1")

    assert_protocol_error(answer, 400)


def test_edge_takes_only_get_on_its_own_paths(client: FlaskClient) -> None:
    answer = client.post(f"/edge/api/v1{EVIDENCES}")

    assert_protocol_error(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/edge/api/v2/account", "/edge/account", "/edge", "/soap/api/v1/account"])
def test_a_path_without_an_operation_is_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert_protocol_error(answer, 404)
    assert answer.headers["X-Mock-Unmatched"] == f"GET {path}"


def test_no_code_outside_the_dialects_checks_the_name_of_the_dialect() -> None:
    asking = re.compile(r"""(?:==|!=|\bin\b|\bis\b)[^\n]*["'](?:rest|edge)["']|dialect\.name\s*(?:==|!=)""")
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "mock_server").rglob("*.py")
        if "dialects" not in path.parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if asking.search(line)
    }

    assert {line for line in found if "variants.py" not in line} == set()
