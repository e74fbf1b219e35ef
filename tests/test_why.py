"""The explanation of an answer: the rule that changed it, why it was refused, how its import ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.control_calls import latest
from tests.support import ACCOUNT, INACTIVE_ACCOUNT, OTHER_SIRET, SEED_DOSSIER, SIRET, TOKEN_URL, Api

pytestmark = pytest.mark.dialects("rest", "edge")

Call = Callable[[Api], Any]


def why(api: Api, number: int | None = None) -> list[dict[str, Any]]:
    """The explanation of a request, by default of the last one."""
    return list(api.control("GET", f"/requests/{number or latest(api)['number']}")["why"])


def sentences(api: Api, number: int | None = None) -> list[str]:
    return [cause["sentence"] for cause in why(api, number)]


def search_dossiers(**query: str) -> Call:
    return lambda api: api.get("/dossiers", **query)


def update_dossier(**members: Any) -> Call:
    return lambda api: api.post(f"/dossiers/{SEED_DOSSIER}", members)


def imported(**members: Any) -> Call:
    """An import, and the call that reports its result."""
    return lambda api: api.import_and_wait(**members)


def in_turn(*calls: Call) -> Call:
    def make(api: Api) -> None:
        for call in calls:
            call(api)

    return make


def in_2031(api: Api) -> None:
    api.set_clock("2031-03-02T09:15:00")


def stop(api: Api) -> None:
    in_2031(api)
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")


def import_first(api: Api) -> None:
    api.import_and_wait(dossierReference="PO-1", thirdpartyCode="F1")


def reactivate(**members: str) -> Call:
    return lambda api: api.post(f"/dossiers/{SEED_DOSSIER}/reactivate", members)


def ask_for(*codes: str) -> Call:
    return lambda api: api.post(f"/dossiers/{SEED_DOSSIER}/requirements", list(codes))


REFUSED: dict[str, tuple[Call, str, str]] = {
    "a member is missing": (
        lambda api: api.try_import(dossierReference=...),
        "E001",
        "The call has no dossierReference, which is required.",
    ),
    "a type of company there is not": (
        lambda api: api.try_import(companyIdType="CIT9"),
        "E002",
        "companyIdType 'CIT9' is unknown; the types are CIT001 (SIRET), CIT002 (VAT), CIT003 (DUNS).",
    ),
    "an empty filter": (search_dossiers(siren=""), "E003", "siren is empty."),
    "an update of nothing": (
        update_dossier(),
        "E003",
        "The call has nothing to update: its body has no member that an update reads.",
    ),
    "a page that is not a number": (
        search_dossiers(page="two/1"),
        "E010",
        "page 'two/1' has the wrong format.",
    ),
    "a page too large": (
        search_dossiers(pageSize="1001"),
        "E011",
        "pageSize is more than the 1000 hits that a page may have.",
    ),
    "a text too long": (
        update_dossier(dossierReference="x" * 256),
        "E011",
        "dossierReference has more than 255 characters, which is the limit.",
    ),
    "an expiration in the past": (
        in_turn(in_2031, update_dossier(expirationDate="2031-03-02")),
        "E021",
        "The expirationDate is not after the day of the call, 2031-03-02 on the sandbox's clock.",
    ),
    "a date in the future": (
        in_turn(in_2031, search_dossiers(stateLastChangeDate="2999-01-01")),
        "E022",
        "stateLastChangeDate is after the call, which was made on 2031-03-02 on the sandbox's clock.",
    ),
    "a closed establishment": (
        imported(companyIdValue="99000103400018"),
        "E103",
        (
            "The data provider reports for 99000103400018: the establishment is closed."
            " The fixture says about it: The establishment is closed: the import ends with E103."
        ),
    ),
    "an establishment that has moved": (
        imported(companyIdValue="99000105900015"),
        "E105",
        (
            "The data provider reports for 99000105900015: the establishment has been transferred to a new"
            " establishment. The fixture says about it: The establishment has moved to 99000115800015:"
            " the import ends with E105."
        ),
    ),
    "another code of the third party": (
        in_turn(import_first, imported(dossierReference="PO-2", thirdpartyCode="F2")),
        "E111",
        "The third party has the code 'F1' in this account, and the import another one.",
    ),
    "a code of another third party": (
        in_turn(import_first, imported(companyIdValue=OTHER_SIRET, thirdpartyCode="F1")),
        "E112",
        f"The thirdpartyCode belongs to another third party of the account, {SIRET}.",
    ),
    "a dossier there is not": (
        lambda api: api.get("/dossiers/999"),
        "E200",
        "Account 119631 has no dossier 999.",
    ),
    "a stopped dossier": (
        in_turn(stop, update_dossier(dossierReference="NEW")),
        "E201",
        (
            "Dossier 804127 (reference 'TEST') is not monitored:"
            " it was stopped on 2031-03-02 at 09:15 Paris time (reason STOPREQUEST)."
        ),
    ),
    "a reference used already": (
        in_turn(import_first, imported(dossierReference=" PO-1 ")),
        "E202",
        (
            "Dossier 836200 (monitored) already has the reference 'PO-1', for the same third party,"
            f" LAINE GILLES SARL ({SIRET})."
            " A reference is unique per account and third party, stopped dossiers included."
        ),
    ),
    "an active dossier": (
        reactivate(),
        "E204",
        "Dossier 804127 was active at the time of the call: nothing to reactivate.",
    ),
    "a reactivation until yesterday": (
        in_turn(stop, reactivate(expirationDate="2031-03-01")),
        "E205",
        "The dossier would expire on 2031-03-01, which is not after 2031-03-02 on the sandbox's clock.",
    ),
    "a document type of no account": (
        ask_for("NOPE"),
        "E302",
        "The document type 'NOPE' is not one that account 119631 may request.",
    ),
    "a withdrawn document type": (
        ask_for("ADO"),
        "E301",
        "The document type 'ADO' was withdrawn: account 119631 may not request it.",
    ),
    "an address that takes no mail": (
        update_dossier(thirdpartyEmail=["a@invalid.example"]),
        "E030",
        "The domain of 'a@invalid.example' accepts no mail: it is one of the recipe's invalidEmailDomains.",
    ),
    "a third party there is not": (
        lambda api: api.get("/thirdparties/999"),
        "E100",
        "Account 119631 never had a dossier of the third party 999.",
    ),
    "a document there is not": (
        lambda api: api.get(f"/dossiers/{SEED_DOSSIER}/documents/999"),
        "NOT_FOUND",
        f"Dossier {SEED_DOSSIER} has no document 999.",
    ),
    "a file there is not": (
        lambda api: api.get(f"/dossiers/{SEED_DOSSIER}/documents/511394021/files/999"),
        "NOT_FOUND",
        f"Dossier {SEED_DOSSIER} has no file 999.",
    ),
    "an import there is not": (
        lambda api: api.get("/dossiers/process/nope"),
        "NOT_FOUND",
        f"Account {ACCOUNT} has no import process nope.",
    ),
}


def test_a_refusal_is_explained_with_the_content_of_the_sandbox(make_api: Callable[..., Api]) -> None:
    for case, (call, code, sentence) in REFUSED.items():
        api = make_api()
        call(api)
        causes = why(api)
        assert causes[0]["code"] in {code, api.absent(code)}, case
        assert causes[0]["sentence"] == sentence, case
        assert causes[0]["label"], case
        assert causes[0]["provenance"], case


def test_a_refusal_is_explained_after_the_dossier_was_reactivated(api: Api) -> None:
    stop(api)
    update_dossier(dossierReference="NEW")(api)
    refused = latest(api)["number"]
    reactivate()(api)

    [cause] = why(api, refused)

    at_that_time = "was not monitored at the time of the call; now it is."
    assert cause["sentence"] == f"Dossier {SEED_DOSSIER} (reference 'TEST') {at_that_time}"


def test_a_refusal_is_explained_by_its_label_once_the_dossier_is_gone(api: Api) -> None:
    path = f"/dossiers/{api.new_dossier(dossierReference='PO-1')['dossierId']}"
    api.post(f"{path}/stop")
    api.post(path, {"dossierReference": "PO-2"})
    refused = latest(api)["number"]
    api.control("POST", "/reset", {"only": ["state"]})

    [cause] = why(api, refused)

    assert cause["sentence"] == "This dossier is disabled: 'PO-1'."


def test_each_error_of_the_data_provider_is_explained(api: Api) -> None:
    for number, siret in enumerate(
        ("99000101800011", "99000102600014", "99000103400018", "99000104200011", "99000105900015"), 1
    ):
        api.import_and_wait(companyIdValue=siret, dossierReference=f"PO-{number}")

        [cause] = why(api)

        assert cause["code"] == f"E10{number}"
        assert cause["sentence"].startswith(f"The data provider reports for {siret}: ")
        assert cause["sentence"].endswith(f": the import ends with E10{number}.")


def test_an_import_that_fails_later_is_explained_with_the_day_on_which_it_ended(api: Api) -> None:
    api.set_clock("2031-03-02T23:59:00")
    process_id = api.launch(companyIdValue="99000200800011", expirationDate="2031-03-03")
    api.advance("PT2M")
    api.process(process_id)

    ended = "the day on which the import ended, 2031-03-03 on the sandbox's clock"
    assert sentences(api) == [f"The expirationDate is not after {ended}."]


def test_every_refusal_of_a_call_is_explained(api: Api) -> None:
    api.get("/dossiers", siren="", page="x", pageSize="5000")

    assert [cause["code"] for cause in why(api)] == ["E003", "E010", "E011"]


def test_a_code_inside_a_value_is_not_a_refusal(api: Api) -> None:
    api.get("/dossiers", page="1; E201 TEST", siren="")

    assert [cause["code"] for cause in why(api)] == ["E003", "E010"]


def test_the_explanation_names_the_dossier_that_has_the_reference(api: Api) -> None:
    first = api.new_dossier(dossierReference="PO-1")["dossierId"]
    api.post(f"/dossiers/{first}/stop")
    api.import_and_wait(dossierReference="PO-1")

    [cause] = why(api)

    assert cause["dossierId"] == first
    assert "(stopped)" in cause["sentence"]


def test_an_update_to_a_used_reference_names_the_other_dossier(api: Api) -> None:
    one = api.new_dossier(dossierReference="PO-1")["dossierId"]
    other = api.new_dossier(dossierReference="PO-2")["dossierId"]
    api.post(f"/dossiers/{other}", {"dossierReference": "PO-1"})

    assert [cause["dossierId"] for cause in why(api)] == [one]


def test_a_dossier_is_not_its_own_duplicate(api: Api) -> None:
    one = api.new_dossier(dossierReference="PO-1")["dossierId"]
    other = api.new_dossier(dossierReference="PO-2")["dossierId"]
    api.post(f"/dossiers/{other}", {"dossierReference": "PO-1"})
    refused = latest(api)["number"]
    api.post(f"/dossiers/{one}", {"dossierReference": "PO-3"})
    api.post(f"/dossiers/{other}", {"dossierReference": "PO-1"})

    [cause] = why(api, refused)

    assert cause["dossierId"] is None
    assert cause["sentence"].startswith("The third party already had a dossier with the reference 'PO-1'.")


def test_a_dossier_of_another_account_is_explained(api: Api) -> None:
    theirs = api.control("POST", "/dossiers", {"accountId": 119700, "siret": SIRET, "dossierReference": "X"})
    api.get(f"/dossiers/{theirs['dossierId']}")

    assert sentences(api) == [
        f"Account 119631 has no dossier {theirs['dossierId']}: it belongs to account 119700."
    ]


def test_an_account_that_may_not_import_is_named(make_api: Callable[..., Api]) -> None:
    api = make_api(user="inactive", account=INACTIVE_ACCOUNT)
    api.import_and_wait()

    assert sentences(api) == ["The subscription of account 119800 is INACTIVE: it may not import."]


def test_the_explanation_of_an_import_follows_its_progress(api: Api) -> None:
    api.set_clock("2031-03-02T09:00:00")
    process_id = api.launch(dossierReference="PO-1")
    number = latest(api)["number"]
    api.process(process_id)
    polled = latest(api)["number"]

    frozen = sentences(api, polled)
    assert frozen == sentences(api, number)
    api.control("PUT", "/clock", {"now": "2031-03-02T08:00:00", "frozen": False})
    running = why(api, number)
    assert sentences(api, polled) == []  # to poll again is right
    api.control("PUT", "/clock", {"now": "2031-03-02T09:00:01"})
    ended = why(api, number)

    is_running = (
        "The import was accepted and is still running: it ends at 2031-03-02 09:00:00.200 Paris time on the"
        " sandbox's clock"
    )
    assert frozen == [
        f"{is_running}, which is frozen at 2031-03-02 09:00:00.000 Paris time: advance or unfreeze the clock."
    ]
    assert running[0]["sentence"] == f"{is_running}."
    assert ended[0]["sentence"] == "The import was accepted and created dossier 836200."
    assert (ended[0]["processId"], ended[0]["dossierId"]) == (process_id, 836200)


ON_HOLD = (
    "The import was accepted and is on hold: it does not end by itself; finish or fail it, by a control call"
    " or in the dashboard."
)


def test_an_import_on_hold_is_explained(api: Api) -> None:
    process_id = api.launch(companyIdValue="99000201600014")
    on_hold = sentences(api)
    api.control("PUT", "/clock", {"frozen": False})
    api.process(process_id)

    assert sentences(api) == on_hold == [ON_HOLD]


def test_an_ordinary_success_has_no_explanation(api: Api) -> None:
    api.get("/dossiers")

    assert why(api) == []


# Errors before any business rule.


def test_a_call_without_a_token_is_explained(api: Api) -> None:
    api.client.get(api.url("/dossiers"), headers={"X-Mock-Sandbox": api.sandbox})

    assert sentences(api) == [
        "The call is not authenticated. An access token is required: Authorization: Bearer ..."
    ]


def test_a_wrong_password_is_explained(api: Api) -> None:
    api.log_in("wrong")
    declared = sentences(api)
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "a+b@example.com"}
    api.client.post(TOKEN_URL, data=form)
    [recorded] = api.client.get("/__admin/requests?limit=1").json["requests"]  # type: ignore[index]
    unknown = api.client.get(f"/__admin/requests/{recorded['number']}").json["why"]  # type: ignore[index]

    no_credentials = "The call is not authenticated. Invalid user credentials."
    assert declared == [f"{no_credentials} The fixture declares 'api@example.com' with another password."]
    assert unknown[0]["sentence"] == f"{no_credentials} The fixture declares no user 'a@example.com'."


def test_an_account_outside_the_token_is_explained(make_api: Callable[..., Api]) -> None:
    api = make_api(account=119700)
    api.get("/dossiers")

    assert sentences(api) == [
        "The token does not allow this call. The access token does not open account 119700."
    ]


def test_an_unknown_path_is_explained_with_a_similar_one(api: Api) -> None:
    api.get("/dossier/804127")

    [cause] = why(api)
    assert cause["kind"] == "unmatched"
    assert cause["sentence"].endswith("(getDossier)?")


def test_a_malformed_call_is_explained_with_the_message_of_the_answer(api: Api) -> None:
    api.get("/dossiers/abc")

    assert [cause["kind"] for cause in why(api)] == ["format"]
    assert sentences(api) == ["Failed to convert value 'abc' to an int64."]


def test_the_rate_limit_is_explained(make_variant_api: Callable[..., Api]) -> None:
    api = make_variant_api(rateLimit="on")
    answers = [api.get("/dossiers").status_code for _ in range(40)]

    assert answers[-1] == 429
    assert sentences(api) == ["The rate limit of the account is used up."]


UNKNOWN_ACCOUNT = 424242


def test_a_call_on_an_unknown_account_is_explained(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api(auth="off")
    api.account = UNKNOWN_ACCOUNT
    for path in ("", "/stop", "/reactivate", "/requirements"):
        api.post(f"/dossiers/{SEED_DOSSIER}{path}", {"dossierReference": "PO-1"} if path == "" else [])
        causes = why(api)
        assert [cause["dossierId"] for cause in causes] == [None], path
        assert f"This sandbox has no account {UNKNOWN_ACCOUNT}." in causes[0]["sentence"], path


# Rules.


def test_an_ad_hoc_rule_is_named(api: Api) -> None:
    rule = {"name": "it is down", "when": {"operation": "listDossiers"}, "then": {"respond": {"status": 503}}}
    api.control("POST", "/rules", {"rules": [rule]})
    api.get("/dossiers")

    assert sentences(api) == [
        "The rule 'it is down', an ad hoc rule, changed this answer: the result is 503."
    ]


def test_a_rule_of_a_scenario_is_named_while_active_and_after(api: Api) -> None:
    api.control("PUT", "/scenario", {"name": "outage-of-three-calls"})
    api.get("/dossiers")

    before = sentences(api)
    api.control("DELETE", "/scenario")

    assert ", of the scenario 'outage-of-three-calls', changed this answer" in before[0]
    assert ", which is no longer active, changed this answer" in sentences(api)[0]


def test_a_fault_is_explained_after_its_rule(api: Api) -> None:
    rule = {
        "name": "cut",
        "when": {"operation": "listDossiers"},
        "then": {"fault": "CONNECTION_RESET_BY_PEER"},
    }
    api.control("POST", "/rules", {"rules": [rule]})
    api.get("/dossiers")

    assert [cause["kind"] for cause in why(api)] == ["rule", "fault"]


# One request.


def test_a_request_is_shown_as_in_the_list(api: Api) -> None:
    api.get("/dossiers", siren="503829368")
    entry = latest(api)

    assert api.control("GET", f"/requests/{entry['number']}") == entry | {
        "why": [],
        "comparisons": [],
        "changes": [],
    }


def test_a_request_that_is_not_in_the_journal_is_not_found(api: Api) -> None:
    def sentence(number: int) -> str:
        answer = api.client.get(f"/__admin/requests/{number}?sandbox={api.sandbox}")
        assert answer.status_code == 404
        return str((answer.json or {})["detail"])

    for number in (0, 99):
        assert sentence(number) == f"the journal has no request {number}; no request was made yet"

    api.get("/dossiers")
    end = f"the latest is {latest(api)['number']}, old ones are dropped"
    for number in (0, 99):
        assert sentence(number) == f"the journal has no request {number}; {end}"


# What was sent against what was wanted, and a dossier before and after.


def show(api: Api) -> dict[str, Any]:
    return dict(api.control("GET", f"/requests/{latest(api)['number']}"))


def test_a_request_is_compared_with_the_nearest_rule_and_the_nearest_missed_expectation(api: Api) -> None:
    near = {"operation": "listDossiers", "query": {"dossierReference": "PO-2"}}
    far = {"operation": "listDossiers", "query": {"dossierReference": "PO-2", "siren": "1", "op": "or"}}
    other = {"operation": "getDossier"}
    rules = [
        {"name": name, "when": when, "then": {"respond": {"status": 503}}}
        for name, when in {"far": far, "near": near, "other": other}.items()
    ]
    api.control("POST", "/rules", {"rules": rules})
    api.get("/dossiers", dossierReference="PO-1")
    verification = {"expectations": [{"request": near}, {"request": other, "count": 0}]}
    missed = api.client.post("/__admin/verify", json=verification, headers={"X-Mock-Sandbox": api.sandbox})
    assert missed.status_code == 422

    compared = show(api)["comparisons"]

    assert [(row["kind"], row["name"]) for row in compared] == [
        ("rule", "near"),
        ("expectation", "listDossiers, at least 1"),
    ]
    for row in compared:
        [difference] = row["differences"]
        assert (difference["at"], difference["found"]) == ("query.dossierReference", "PO-1")
        assert difference["expected"] == "'PO-2'"
    api.get("/dossiers", dossierReference="PO-2")
    assert [row["kind"] for row in show(api)["comparisons"]] == []  # the rule applied, the expectation is met
    api.control("DELETE", "/requests")
    api.get("/dossiers", dossierReference="PO-3")
    assert [row["kind"] for row in show(api)["comparisons"]] == ["rule"]


def test_a_rule_for_any_operation_may_be_the_nearest_and_one_for_another_never_is(api: Api) -> None:
    any_call = {"query": {"dossierReference": "PO-2", "siren": "1"}}
    for name, when in {"other": {"operation": "getDossier"}, "any": any_call}.items():
        rule = {"name": name, "when": when, "then": {"respond": {"status": 503}}}
        api.control("POST", "/rules", {"rules": [rule]})
    api.get("/dossiers")

    [compared] = show(api)["comparisons"]

    assert (compared["name"], len(compared["differences"])) == ("any", 2)


def test_a_command_shows_what_it_changed_in_its_dossier(api: Api) -> None:
    before = api.dossier(SEED_DOSSIER)
    api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": "NEW"})

    [change] = show(api)["changes"]

    assert change["dossierId"] == SEED_DOSSIER
    reference = {"at": "dossierReference", "before": before["dossierReference"], "after": "NEW"}
    assert reference in change["differences"]
    api.dossier(SEED_DOSSIER)
    assert show(api)["changes"] == []
    api.post(f"/dossiers/{SEED_DOSSIER}", {"expirationDate": "2001-01-01"})
    assert show(api)["changes"] == []  # it was rejected
