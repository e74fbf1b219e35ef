"""Control calls for evidences, closed companies and imports; snapshots, sandboxes and variants."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from msgspec.structs import fields
from werkzeug.test import TestResponse

from mock_server.domain.model import ImportProcess, NewDossier
from mock_server.domain.names import camel
from tests.control_calls import set_rule
from tests.support import OTHER_SIRET, SIRET, Api, codes, content


def control(api: Api, method: str, path: str, body: object = None) -> TestResponse:
    """A control call whose refusal is of interest."""
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)


def deposit(api: Api, dossier: dict[str, object], code: str, **evidence: object) -> object:
    return api.control("POST", f"/dossiers/{dossier['dossierId']}/documents/{code}/evidences", evidence)


def test_a_dossier_is_complete_once_every_request_is_answered(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["ATT_VIGI", "RIB_IBAN"])

    deposit(api, dossier, "ATT_VIGI")
    half = api.dossier(dossier["dossierId"])
    deposit(api, dossier, "RIB_IBAN")
    whole = api.dossier(dossier["dossierId"])

    assert (half["state"], half["indicators"][0]["state"]) == (False, True)
    assert (whole["state"], [document["present"] for document in whole["documents"]]) == (True, [True, True])


def test_an_evidence_expires_at_the_end_of_its_day(api: Api) -> None:
    api.set_clock("2031-03-01T12:00:00")
    dossier = api.new_dossier(requiredDocuments=["ATT_VIGI"])
    deposit(api, dossier, "ATT_VIGI", expirationDate="2031-03-10")

    caused = api.advance("P10D")

    assert [event["what"] for event in caused] == ["documents lapsed"]
    expired = api.dossier(dossier["dossierId"])
    assert expired["state"] is False
    assert expired["stateLastChangeDate"] == "2031-03-11T00:00:00.000"


def test_the_bytes_that_were_deposited_are_the_bytes_that_are_downloaded(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["ATT_VIGI"])
    document = dossier["documents"][0]["documentId"]

    made = deposit(api, dossier, "ATT_VIGI", content=b64encode(b"signed").decode())

    path = f"/dossiers/{dossier['dossierId']}/documents/{document}/files/{made['fileId']}"  # type: ignore[index]
    assert api.get(path).data == b"signed"


def test_a_code_with_accents_and_slashes_is_found(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["LNDSÉSÀADT-U"])

    deposit(api, dossier, "LNDSÉSÀADT-U")

    assert api.dossier(dossier["dossierId"])["state"] is True


def test_a_form_answers_a_request_without_a_file(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["ATT_VIGI"])
    answers = [{"type": "string", "key": "f_1_a_0", "title": "A", "order": 0, "value": "yes"}]

    deposit(api, dossier, "ATT_VIGI", formdata=answers)

    document = api.dossier(dossier["dossierId"])["documents"][0]
    assert (document["present"], document["listFileInformation"]) == (True, [])


def test_a_company_that_closes_stops_its_dossiers_and_cannot_be_imported(api: Api) -> None:
    dossier = api.new_dossier()

    api.control("POST", f"/thirdparties/{dossier['thirdpartyId']}/close")

    closed = api.dossier(dossier["dossierId"])
    assert (closed["monitored"], closed["stoppingReason"]) == (False, "OUTOFBUSINESS")
    assert codes(api.post(f"/dossiers/{dossier['dossierId']}/reactivate")) == ["E103"]
    assert api.refused_import_codes(dossierReference="PO-2") == ["E103"]


@pytest.mark.parametrize("code", ["E101", "E102", "E103", "E104", "E105"])
def test_an_import_fails_with_a_code_of_the_provider(api: Api, code: str) -> None:
    process_id = api.launch()
    api.control("POST", f"/processes/{process_id}", {"outcome": "hold"})
    api.advance("PT10M")

    ended = api.control("POST", f"/processes/{process_id}", {"outcome": "fail", "code": code})

    assert ended["ends"] == api.control("GET", "/clock")["now"]
    shown = api.control("GET", f"/processes/{process_id}")
    assert [(cause["code"], cause["sentence"] != "") for cause in shown["why"]] == [(code, True)]
    assert shown | ended == shown
    process = api.process(process_id)
    assert (process["complete"], process["success"]) == (True, False)
    assert [error["code"] for error in process["errors"]] == [code]


def test_an_import_is_finished_early_and_the_rules_of_the_api_apply(api: Api) -> None:
    api.new_dossier()
    first, second = api.launch(dossierReference="PO-2"), api.launch(dossierReference="PO-1")

    for process_id in (first, second):
        api.control("POST", f"/processes/{process_id}", {"outcome": "finish"})

    assert api.process(first)["success"]
    assert [error["code"] for error in api.process(second)["errors"]] == ["E202"]


def test_an_import_that_is_held_runs_until_it_is_finished(api: Api) -> None:
    process_id = api.launch()
    assert api.control("POST", f"/processes/{process_id}", {"outcome": "hold"})["ends"] is None

    api.advance("P1D")
    assert not api.process(process_id)["complete"]
    [cause] = api.control("GET", f"/processes/{process_id}")["why"]
    assert cause["sentence"].startswith("The import was accepted and is on hold: it does not end by itself;")
    ended = api.control("POST", f"/processes/{process_id}", {"outcome": "finish"})

    assert ended["ends"] == api.control("GET", "/clock")["now"]
    assert api.process(process_id)["success"]


def test_an_import_is_shown_with_all_members_of_its_request(api: Api) -> None:
    wanted: dict[str, object] = {
        "companyIdType": "CIT001",
        "companyIdValue": SIRET,
        "dossierReference": "PO-1",
        "thirdpartyCode": "T-1",
        "description": "Roof",
        "purchasingCategory": "Works",
        "expirationDate": "2090-12-31",
        "requiredDocuments": ["ATT_VIGI", "RIB_IBAN"],
        "thirdpartyEmail": ["them@example.com"],
        "userInCharge": ["us@example.com"],
    }
    api.set_clock("2031-03-01T12:00:00")
    process_id = api.launch(**wanted)

    running = api.control("GET", f"/processes/{process_id}")
    api.advance("PT1S")
    ended = api.control("GET", f"/processes/{process_id}")

    assert running | wanted == running
    assert set(running) == shown_members()
    assert (running["thirdpartyId"], running["condition"], running["refusals"]) == (None, None, [])
    dossier = api.dossier(ended["dossierId"])
    assert ended["thirdpartyId"] == dossier["thirdpartyId"]
    assert running["name"] == ended["name"] != ""


def shown_members() -> set[str]:
    """The members of an import that is shown: one for each fact that the sandbox keeps, and some more."""
    kept = {field.encode_name for kind in (ImportProcess, NewDossier) for field in fields(kind)}
    named = {camel(name) for name in kept - {"number", "wanted", "company", "company_id", "reference"}}
    of_the_company = {"companyIdType", "companyIdValue", "thirdpartyId", "name"}
    return named | of_the_company | {"dossierReference", "success", "errors", "why"}


def test_an_import_that_failed_is_shown_with_the_values_of_its_refusals(api: Api) -> None:
    api.new_dossier()
    process_id = str(api.import_and_wait(expirationDate="2020-01-01")["processId"])

    shown = api.control("GET", f"/processes/{process_id}")

    assert shown["errors"] == ["E202", "E021"]
    assert shown["refusals"] == [
        {"code": "E202", "parameter": None, "values": ["PO-1"]},
        {"code": "E021", "parameter": "expirationDate", "values": []},
    ]


def test_an_import_shows_the_answer_of_the_provider_that_a_rule_has_set(api: Api) -> None:
    set_rule(api, {"process": {"fail": "E103"}}, "importDossier")
    process_id = api.launch()

    shown = api.control("GET", f"/processes/{process_id}")

    assert shown["condition"] == "closed"


def test_the_import_of_another_sandbox_is_unknown(make_api: Callable[..., Api]) -> None:
    process_id = make_api().launch()

    answer = control(make_api(), "GET", f"/processes/{process_id}")

    assert answer.status_code == 404
    assert answer.json
    assert answer.json["detail"] == (
        f"this sandbox has no import with the processId '{process_id}'; GET /__admin/processes lists them"
    )
    assert answer.json["docs"].endswith("/__admin/docs/control#imports")


def test_the_imports_of_all_accounts_are_listed_in_order_of_start(api: Api) -> None:
    launched = [api.launch(dossierReference="PO-1"), api.launch(companyIdValue=OTHER_SIRET)]

    listed = api.control("GET", "/processes")["processes"]

    assert [row["processId"] for row in listed] == launched
    assert [row["companyIdValue"] for row in listed] == [SIRET, OTHER_SIRET]


def test_a_snapshot_restores_content_and_time_more_than_once(api: Api) -> None:
    api.set_clock("2031-03-01T12:00:00")
    api.new_dossier()
    before, name = api.get("/dossiers/all").data, "before"
    api.control("POST", f"/snapshots/{name}")

    for _ in range(2):
        api.new_dossier(dossierReference="PO-2")
        api.advance("P30D")
        api.control("POST", f"/snapshots/{name}/restore")
        assert api.get("/dossiers/all").data == before
        assert api.control("GET", "/clock")["now"].startswith("2031-03-01T12:00:0")

    assert [row["name"] for row in api.control("GET", "/snapshots")["snapshots"]] == ["before"]
    unknown = control(api, "POST", "/snapshots/x/restore").json or {}
    assert unknown["detail"] == "there is no snapshot 'x'; there are: before"


def test_a_snapshot_has_a_name_that_a_sandbox_could_have(api: Api) -> None:
    for name, shown in (
        ("x" * 65, f"'{'x' * 59}..."),
        ("x" * 5000, f"'{'x' * 59}..."),
        ("a%00b", r"'a\x00b'"),
        ("a%20b", "'a b'"),
        ("a/b", "'a/b'"),
        ("%2e%2e", "'..'"),
    ):
        answer = control(api, "POST", f"/snapshots/{name}")
        rule = "up to 64 letters, digits, dots, dashes and underscores, but not only dots"
        assert answer.status_code == 400
        assert (answer.json or {})[
            "detail"
        ] == f"a snapshot's name is {rule}, not {shown}: choose another name"
    assert control(api, "POST", f"/snapshots/{'x' * 64}").status_code == 200


def test_a_sandbox_has_100_snapshots_until_one_is_deleted(api: Api) -> None:
    for at in range(100):
        api.control("POST", f"/snapshots/s{at}")

    refused = control(api, "POST", "/snapshots/more")
    assert refused.status_code == 409
    assert (refused.json or {})["detail"] == (
        "there are 100 snapshots already: delete one (DELETE /__admin/snapshots/NAME),"
        " or use a name again, such as 's0'"
    )
    api.control("POST", "/snapshots/s0")
    assert control(api, "DELETE", "/snapshots/s1").status_code == 204
    api.control("POST", "/snapshots/more")
    names = [row["name"] for row in api.control("GET", "/snapshots")["snapshots"]]
    assert names == ["s0", *(f"s{at}" for at in range(2, 100)), "more"]


def test_variants_are_set_for_one_sandbox_only(make_api: Callable[..., Api]) -> None:
    changed, unchanged = make_api(), make_api()

    variants = changed.control("PUT", "/variants", {"refusals": "result"})

    assert variants == changed.control("GET", "/variants")
    assert variants["refusals"] == "result"
    assert changed.post("/dossiers/804127", {}).status_code == 200
    assert unchanged.post("/dossiers/804127", {}).status_code == 400


def test_a_deleted_sandbox_is_new_when_it_is_used_again(make_api: Callable[..., Api]) -> None:
    api = make_api(sandbox="dropped")
    api.new_dossier()

    assert "dropped" in str(api.control("GET", "/sandboxes"))
    assert control(api, "DELETE", f"/sandboxes/{api.sandbox}").status_code == 204

    assert content(api.get("/dossiers", dossierReference="PO-1")) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        pytest.param(
            "POST",
            "/dossiers/1/documents/X/evidences",
            {},
            404,
            "this sandbox has no dossier 1; GET /__admin/dossiers lists them",
            id="no such dossier",
        ),
        pytest.param(
            "POST",
            "/dossiers/804127/documents/X/evidences",
            {},
            404,
            "this sandbox has no document 'X' in this dossier; GET /__admin/dossiers/ID lists them",
            id="no request",
        ),
        pytest.param(
            "POST",
            "/dossiers/804127/documents/I2/evidences",
            {"fileSize": 1},
            400,
            "at least 2048",
            id="too small",
        ),
        pytest.param(
            "POST",
            "/thirdparties/1/close",
            None,
            404,
            "this sandbox has no third party 1; GET /__admin/dossiers has the thirdpartyId of each dossier",
            id="no such third party",
        ),
        pytest.param("POST", "/processes/x", {"outcome": "hold"}, 404, "processId 'x'", id="no such process"),
        pytest.param(
            "GET",
            "/processes/x",
            None,
            404,
            "this sandbox has no import with the processId 'x'; GET /__admin/processes lists them",
            id="no such import",
        ),
        pytest.param(
            "PATCH",
            "/accounts/1",
            {},
            404,
            "this sandbox has no account 1; GET /__admin/fixture lists those of its start",
            id="no such account",
        ),
        pytest.param(
            "PATCH",
            "/requirements/X",
            {"withdrawn": True},
            404,
            "this sandbox has no document type 'X', at all or in the account;"
            " listRequirements, of the API, lists them",
            id="no such document type",
        ),
        pytest.param(
            "POST",
            "/processes/x",
            {"outcome": "fail"},
            400,
            'the outcome fail needs a "code": E101, E102, E103, E104, E105',
            id="fail without a code",
        ),
        pytest.param(
            "POST",
            "/processes/x",
            {"outcome": "fail", "code": "E202"},
            400,
            "'E202' is not a code of the provider: use one of E101, E102, E103, E104, E105",
            id="no provider's code",
        ),
        *(
            pytest.param(
                "POST",
                "/processes/x",
                {"outcome": outcome, "code": "E101"},
                400,
                f'"code" goes with the outcome fail, not with {outcome}',
                id=f"{outcome} with a code",
            )
            for outcome in ("finish", "hold")
        ),
        pytest.param(
            "GET",
            "/ca.pem",
            None,
            404,
            "there is a certificate to trust only with --tls-self-signed",
            id="no certificate",
        ),
        pytest.param(
            "GET", "/ui/none.js", None, 404, "the dashboard has no file 'none.js'", id="no such file"
        ),
        pytest.param(
            "POST", "/snapshots/x/restore", None, 404, "'x'; there are: none", id="no such snapshot"
        ),
        pytest.param("DELETE", "/snapshots/x", None, 404, "'x'; there are: none", id="no snapshot to delete"),
        pytest.param("DELETE", "/sandboxes/unknown", None, 404, "no sandbox", id="no such sandbox"),
        pytest.param("DELETE", "/sandboxes/default", None, 409, "reset", id="the default sandbox"),
        pytest.param("PUT", "/variants", {"refusal": "x"}, 400, "there is no variant", id="no such variant"),
    ],
)
def test_an_impossible_action_is_a_problem(
    api: Api, method: str, path: str, body: object, status: int, detail: str
) -> None:
    answer = control(api, method, path, body)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert detail in (answer.json or {})["detail"]


def test_an_import_that_has_ended_is_not_ended_again(api: Api) -> None:
    process_id = str(api.import_and_wait()["processId"])

    assert control(api, "POST", f"/processes/{process_id}", {"outcome": "finish"}).status_code == 409


def test_control_calls_do_not_change_the_default_sandbox(client: FlaskClient, api: Api) -> None:
    api.control("POST", "/snapshots/mine")

    assert client.get("/__admin/snapshots").json == {"snapshots": []}
