"""The outside of every answer: paths, methods, ids, envelopes and errors (behaviour.md 2, 3.0, 11)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient
from werkzeug.test import create_environ, run_wsgi_app

from mock_server.domain.operations import OPERATIONS
from mock_server.web.routing import PREFIXES
from tests.support import SEED_DOSSIER, TOKEN_URL, Api, assert_protocol_error, codes, content

pytestmark = pytest.mark.dialects("rest", "edge")

MakeApi = Callable[..., Api]

JSON_TYPE = "application/json;charset=UTF-8"
DOCUMENT = 511394021
UNKNOWN = 4_000_000_000

IDS = {
    "accountId": "119631",
    "dossierId": str(SEED_DOSSIER),
    "thirdpartyId": "875",
    "documentId": str(DOCUMENT),
    "fileId": "1",
    "processId": "0123456789abcdef0123456789abcdef",
}

ROUTES = [
    (operation, prefix + path)
    for operation in OPERATIONS.values()
    for prefix, dialect in PREFIXES.items()
    for path in operation.paths
    if (dialect or "rest") in operation.dialects and operation.name != "getToken"
]

LISTS = [
    *("/requirements", "/dossiers/all", "/dossiers/processes", f"/dossiers/{SEED_DOSSIER}/documents"),
    *(f"/dossiers/{SEED_DOSSIER}/requirements", f"/dossiers/{SEED_DOSSIER}/documents/{DOCUMENT}"),
    f"/dossiers/{SEED_DOSSIER}/documents/{DOCUMENT}/files",
]
DETAILS = ["", "/thirdparties/875", f"/dossiers/{SEED_DOSSIER}"]
PAGES = ["/dossiers", "/thirdparties"]
READ = [*LISTS, *DETAILS, *PAGES]


def fill_path(path: str) -> str:
    """A path with the ids of the default fixture in it."""
    return re.sub(r"{(\w+)}", lambda name: IDS[name[1]], path)


# Routes and methods.


@pytest.mark.dialects("rest")  # the paths have their prefixes
def test_an_operation_is_served_on_all_its_paths(api: Api) -> None:
    for operation, path in ROUTES:
        answer = api.send(operation.method, fill_path(path))
        assert answer.status_code != 405, path
        assert "X-Mock-Unmatched" not in answer.headers, path


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_method_that_the_path_does_not_have_is_not_allowed(client: FlaskClient, method: str) -> None:
    for operation, path in ROUTES:
        answer = client.open(fill_path(path), method=method)
        assert_protocol_error(answer, 405)
        assert operation.method in answer.headers["Allow"].split(", "), path


def test_a_path_that_is_only_read_rejects_post(api: Api) -> None:
    for path in ("/requirements", "/thirdparties", "/thirdparties/875"):
        assert_protocol_error(api.post(path, {}), 405)


def test_a_path_that_is_only_a_command_rejects_get(api: Api) -> None:
    for path in (f"/dossiers/{SEED_DOSSIER}/stop", f"/dossiers/{SEED_DOSSIER}/reactivate"):
        assert_protocol_error(api.get(path), 405)


def test_head_answers_as_get_without_a_body(api: Api) -> None:
    for path in READ:
        answer = api.send("HEAD", api.url(path))
        assert (answer.status_code, answer.data) == (200, b""), path
        assert answer.headers["Content-Type"] == JSON_TYPE, path


UNMAPPED = [
    *("/", "/api", "/api/v1", "/api/v2/account", "/api/v1/accounts", "/account", "/api/v1/ACCOUNT"),
    *("/rest/api/v2/account", "/api/v1/account/119631/876543", "/api/v1/account/119631/dossier/1"),
    *("/api/v1//account", "/api/v1/account/119631/dossiers/all/1"),
    *("/api/v1/account/119631/dossiers/804127/restart", "/auth/realms/another_realm", "/favicon.ico"),
]


def test_an_unknown_path_is_not_found_in_protocol_format(client: FlaskClient) -> None:
    for path in UNMAPPED:
        answer = client.get(f"http://localhost{path}?a=1")
        assert_protocol_error(answer, 404)
        assert (answer.json or {})["message"] == "No message available", path
        assert answer.headers["X-Mock-Unmatched"] == f"GET {path}"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_gets_to_the_dashboard_and_a_client_does_not(api: Api) -> None:
    before = api.control("GET", "/requests")["total"]
    for path in ("/", "/__admin", "/__admin/"):
        page = api.client.get(path, headers={"Accept": BROWSER})
        followed = api.client.get(urljoin(f"http://localhost{path}", page.headers["Location"]))
        assert (page.status_code, followed.content_type) == (302, "text/html; charset=utf-8"), path

        for accepted in ("", "*/*", "application/json"):
            answer = api.client.get(path, headers={"Accept": accepted} if accepted else {})
            assert answer.status_code == 404
            assert "json" in answer.content_type
        assert api.client.post(path, headers={"Accept": BROWSER}).status_code == 404

    assert api.client.get("/favicon.ico", headers={"Accept": BROWSER}).status_code == 404
    assert api.control("GET", "/requests")["total"] == before


def test_a_doubled_slash_is_another_path_and_no_redirect(client: FlaskClient) -> None:
    for path in ("/api//v1/account", "/api/v1/account//119631"):
        answer = client.get("/", environ_overrides={"PATH_INFO": path})
        assert answer.status_code == 404, path
        assert (answer.json or {})["path"] == path


def test_a_trailing_slash_makes_no_difference_and_no_redirect(api: Api) -> None:
    for path in READ:
        answer = api.send("GET", api.url(path) + "/")
        assert answer.status_code == 200, path
        assert answer.json == api.get(path).json, path


def test_a_process_is_read_at_its_path_and_at_its_alias(api: Api) -> None:
    process_id = api.launch()

    for path in ("/dossier/process", "/dossiers/process"):
        assert content(api.get(f"{path}/{process_id}"))["processId"] == process_id, path


def test_the_processes_are_read_at_their_path_and_at_their_alias(api: Api) -> None:
    process_id = api.launch()

    for path in ("/dossier/processes", "/dossiers/processes"):
        assert [process["processId"] for process in content(api.get(path))] == [process_id], path


# Ids in paths.

NOT_AN_INT64 = [
    *("/account/abc", "/account/1.5", "/account/119631x", "/account/9223372036854775808"),
    *("/account/-9223372036854775809", "/account/%D9%A3", "/account/119631/dossiers/abc"),
    *("/account/119631/dossiers/9223372036854775808", "/account/119631/thirdparties/abc"),
    *("/account/119631/dossiers/804127/documents/abc", "/account/119631/dossiers/search"),
    "/account/119631/dossiers/804127/documents/511394021/files/abc",
    *("/account/119631/dossiers/process", "/account/119631/dossiers/%20", "/account/1_0"),
]


def test_an_id_that_is_not_an_int64_is_a_bad_request(api: Api) -> None:
    for path in NOT_AN_INT64:
        assert_protocol_error(api.send("GET", f"{api.wire.prefix}{path}"), 400)


def test_a_post_reads_the_literals_of_get_as_ids(api: Api) -> None:
    for literal in ("all", "processes", "process", "search"):
        assert_protocol_error(api.post(f"/dossiers/{literal}", {}), 400)


def test_an_unknown_int64_is_not_found(api: Api) -> None:
    for number in ("9223372036854775807", "-1", "-9223372036854775808", "0"):
        answer = api.get(f"/dossiers/{number}")
        assert answer.status_code == 404, number
        assert codes(answer) == [api.absent("E200")], number


# Envelopes.


def test_an_answer_holds_its_content_and_nothing_else(api: Api) -> None:
    for path in [*LISTS, *DETAILS]:
        assert list(api.get(path).json or {}) == ["content"], path


def test_a_page_holds_its_four_members_and_nothing_else(api: Api) -> None:
    for path in PAGES:
        assert list(api.get(path).json or {}) == ["content", "page", "size", "totalElements"], path


def test_the_content_of_a_list_is_an_array_and_that_of_a_detail_an_object(api: Api) -> None:
    types = {path: type(content(api.get(path))) for path in READ}

    assert types == dict.fromkeys([*LISTS, *PAGES], list) | dict.fromkeys(DETAILS, dict)


ANY_CALLS = [
    *(("GET", path) for path in READ),
    *(("GET", "/dossiers?siren="), ("GET", "/nothing"), ("GET", "/dossiers/abc"), ("PUT", "/dossiers")),
    *(("GET", f"/dossiers/{UNKNOWN}"), ("POST", "/dossiers"), ("POST", f"/dossiers/{SEED_DOSSIER}/stop")),
]


def test_every_answer_is_typed_as_json_in_utf_8(api: Api) -> None:
    types = {call: api.send(call[0], api.url(call[1])).headers["Content-Type"] for call in ANY_CALLS}

    assert types == dict.fromkeys(ANY_CALLS, JSON_TYPE)


def test_letters_beyond_ascii_are_sent_as_they_are(api: Api) -> None:
    assert "Société par actions simplifiée".encode() in api.get("/thirdparties/875").data


ABSENT = {
    f"/dossiers/{UNKNOWN}": ("E200", "Aucun dossier ne correspond à la recherche"),
    f"/dossiers/{UNKNOWN}/documents": ("E200", "Aucun dossier ne correspond à la recherche"),
    f"/thirdparties/{UNKNOWN}": ("E100", "Aucun tiers ne correspond aux critères"),
    f"/dossiers/{SEED_DOSSIER}/documents/1": ("NOT_FOUND", "La ressource n'existe pas"),
    f"/dossiers/{SEED_DOSSIER}/documents/{DOCUMENT}/files/1": ("NOT_FOUND", "La ressource n'existe pas"),
    "/dossiers/process/1": ("NOT_FOUND", "La ressource n'existe pas"),
}


@pytest.mark.dialects("rest")
def test_a_missing_resource_is_answered_in_business_format(api: Api) -> None:
    for path, (code, message) in ABSENT.items():
        answer = api.get(path)
        assert answer.status_code == 404, path
        assert answer.json == {"messages": {"error": [{"code": code, "message": message}]}}, path


@pytest.mark.dialects("rest")
def test_messages_are_french_for_any_accept_language(api: Api) -> None:
    for language in ("en", "fr", "de;q=0.5"):
        answer = api.send("GET", api.url("/dossiers", siren=""), headers={"Accept-Language": language})
        french = {"code": "E003", "message": "Paramètre vide"}
        assert answer.json == {"messages": {"error": [french]}}, language


REFUSED = {
    "/dossiers?siren=": "E003 siren",
    "/dossiers?pageSize=abc": "E010 pageSize/abc",
    "/dossiers?siren=&companyIdType=é": r"E002 companyIdType/\xe9; E003 siren",
    f"/dossiers/{UNKNOWN}": f"E200 dossierId/{UNKNOWN}",
}


def test_a_header_has_the_values_of_a_refusal(api: Api) -> None:
    values = {path: api.get(path).headers["X-Mock-Refusal"].split("; ") for path in REFUSED}

    assert {path: sorted(found) for path, found in values.items()} == {
        path: expected.replace("E200", api.absent("E200")).split("; ") for path, expected in REFUSED.items()
    }


def test_a_refused_value_with_control_characters_does_not_make_the_server_fail(api: Api) -> None:
    for value in ("CIT001\n", "a\r\nX-Other: 1", "\n", "a\x00b", "\x0b"):
        answer = api.get("/dossiers", companyIdType=value)
        assert codes(answer) == ["E002"], value
        assert "X-Other" not in answer.headers, value


def test_an_unmapped_path_with_odd_characters_does_not_make_the_server_fail(client: FlaskClient) -> None:
    for path in ("/nothing%0A", "/nothing%0D%0AX-Other:1", "/nothing%00", "/n%C3%A9ant"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "X-Other" not in answer.headers, path


def test_an_accepted_call_has_no_extra_header(api: Api) -> None:
    assert not [name for name in api.get("/dossiers").headers.keys() if name.startswith("X-Mock")]  # noqa: SIM118


# Errors in protocol format.


def test_a_protocol_error_is_dated_by_the_sandbox_s_clock(api: Api) -> None:
    api.set_clock("2031-07-01T09:00:00")

    answer = api.send("GET", "/api/v1/account/119700")

    assert_protocol_error(answer, 403)
    assert (answer.json or {})["timestamp"] == "2031-07-01T07:00:00.000+0000"


def test_the_timestamp_of_a_protocol_error_is_the_present_with_its_zone(client: FlaskClient) -> None:
    client.post("/__admin/reset")  # another test may have turned the default sandbox's clock

    timestamp = str((client.get("/api/v1/account").json or {})["timestamp"])

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", timestamp)
    at = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs(datetime.now(at.tzinfo) - at) < timedelta(minutes=1)


FAILED = [
    ("GET", "/api/v1/account/abc", 400, "Bad Request"),
    ("GET", "/api/v1/account", 401, "Unauthorized"),
    ("GET", "/nothing", 404, "Not Found"),
    ("PUT", "/api/v1/account", 405, "Method Not Allowed"),
]


def test_a_protocol_error_repeats_status_reason_and_path_without_the_query(client: FlaskClient) -> None:
    for method, path, status, reason in FAILED:
        body = client.open(f"{path}?siren=1&b", method=method).json or {}
        assert (body["status"], body["error"], body["path"]) == (status, reason, path), method


def test_options_is_a_method_like_any_other(client: FlaskClient) -> None:
    for path in ("/api/v1/account", "/__admin/clock", TOKEN_URL):
        assert client.open(path, method="OPTIONS").status_code == 405, path


HOSTS = {
    "a long name": {"Host": f"{'x' * 70}.example"},
    "no name at all": {"Host": "::"},
    "with an upgrade": {"Connection": "Upgrade", "Upgrade": "websocket"},
}


def test_a_path_is_found_under_any_host(api: Api) -> None:
    for name, headers in HOSTS.items():
        # Without the test client: that of Werkzeug 3.1.0 reads each host as part of a URL.
        environ = create_environ(api.url(f"/dossiers/{SEED_DOSSIER}"), headers=headers)
        environ["HTTP_AUTHORIZATION"] = f"Bearer {api.token}"

        parts, status, _ = run_wsgi_app(api.client.application, environ)

        assert status == "200 OK", name
        assert json.loads(b"".join(parts))["content"]["dossierId"] == SEED_DOSSIER, name
