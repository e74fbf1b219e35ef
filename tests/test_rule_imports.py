"""What rules make of imports: held, over after a time, failed by the provider; all other refusals stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.control_calls import set_rule
from tests.support import (
    ACCOUNT,
    INACTIVE_ACCOUNT,
    OTHER_SIRET,
    SIRET,
    THIRD_SIRET,
    Api,
    codes,
    content,
)

NEVER_ENDS = "99000201600014"


def test_an_import_on_hold_never_ends_by_itself(api: Api) -> None:
    set_rule(api, {"process": {"hold": True}}, "importDossier")

    process = api.import_and_wait()
    api.advance("P30D")

    assert [process["complete"], content(api.get("/dossiers", dossierReference="PO-1"))] == [False, []]


def test_an_import_on_hold_can_be_finished_by_a_control_call(api: Api) -> None:
    set_rule(api, {"process": {"hold": True}}, "importDossier")
    process_id = api.launch()

    api.control("POST", f"/processes/{process_id}", {"outcome": "finish"})

    assert api.process(process_id)["success"] is True


@pytest.mark.parametrize(
    "siret", [SIRET, NEVER_ENDS], ids=["of any company", "of one whose import never ends"]
)
def test_an_import_ends_after_the_time_that_the_rule_gives(api: Api, siret: str) -> None:
    set_rule(api, {"process": {"after": "PT1H"}}, "importDossier")
    process_id = api.launch(companyIdValue=siret)

    api.advance("PT59M59S")
    before = api.process(process_id)
    api.advance("PT1S")

    assert (before["complete"], api.process(process_id)["success"]) == (False, True)


def test_an_import_without_duration_has_ended_at_the_first_poll(api: Api) -> None:
    set_rule(api, {"process": {"after": "0s"}}, "importDossier")

    assert api.process(api.launch())["success"] is True


@pytest.mark.parametrize("code", ["E101", "E102", "E103", "E104", "E105"])
def test_an_import_fails_with_the_code_of_the_provider(api: Api, code: str) -> None:
    set_rule(api, {"process": {"fail": code}}, "importDossier")

    assert api.refused_import_codes() == [code]
    assert content(api.get("/dossiers", dossierReference="PO-1")) == []


@pytest.mark.parametrize(
    ("code", "siret"),
    [
        pytest.param("E101", "99000101800011", id="failing"),
        pytest.param("E102", "99000102600014", id="unknown"),
        pytest.param("E103", "99000103400018", id="closed"),
        pytest.param("E104", "99000104200011", id="ambiguous"),
    ],
)
def test_a_failure_by_a_rule_is_the_same_as_that_of_the_magic_identifier(
    make_api: Callable[..., Api], code: str, siret: str
) -> None:
    magic, changed = make_api().import_and_wait(companyIdValue=siret), make_api()
    set_rule(changed, {"process": {"fail": code}}, "importDossier")

    errors = [
        {name: str(value).replace(SIRET, siret) for name, value in error.items()}
        for error in changed.import_and_wait()["errors"]
    ]

    assert errors == [{name: str(value) for name, value in error.items()} for error in magic["errors"]]


@pytest.mark.parametrize(
    ("user", "account", "members", "expected"),
    [
        pytest.param("inactive", INACTIVE_ACCOUNT, {}, ["E113", "E103"], id="an inactive account"),
        pytest.param(
            "api",
            ACCOUNT,
            {"companyIdType": "CIT002", "companyIdValue": "FR14503829368"},
            ["E121"],
            id="a French company by its VAT number is not even looked for",
        ),
    ],
)
def test_a_failure_by_a_rule_keeps_the_refusals_of_earlier_checks(
    make_api: Callable[..., Api], user: str, account: int, members: dict[str, Any], expected: list[str]
) -> None:
    api = make_api(user=user, account=account)
    set_rule(api, {"process": {"fail": "E103"}}, "importDossier")

    assert sorted(api.refused_import_codes(**members)) == sorted(expected)


@pytest.mark.parametrize("process", [{"hold": True}, {"after": "PT1H"}, {"fail": "E103"}])
def test_a_process_rule_keeps_the_refusals_at_once(api: Api, process: dict[str, Any]) -> None:
    set_rule(api, {"process": process}, "importDossier")

    answer = api.try_import(dossierReference=...)

    assert (answer.status_code, codes(answer)) == (400, ["E001"])


@pytest.mark.parametrize("process", [{"after": "PT1H"}, {"after": "0s"}])
def test_a_slow_import_is_refused_as_usual(api: Api, process: dict[str, Any]) -> None:
    api.new_dossier()
    set_rule(api, {"process": process}, "importDossier")

    process_id = api.launch()
    api.advance("PT1H")

    assert [error["code"] for error in api.process(process_id)["errors"]] == ["E202"]


def test_rules_apply_to_imports_of_several_companies_separately(api: Api) -> None:
    for_company = {"operation": "importDossier", "body": {"companyIdValue": OTHER_SIRET}}
    set_rule(api, {"process": {"fail": "E102"}}, when=for_company, name="one")
    set_rule(api, {"process": {"fail": "E104", "after": "0s"}}, "importDossier", times=1, name="another")

    refused = [api.refused_import_codes(companyIdValue=siret) for siret in (OTHER_SIRET, SIRET)]

    assert refused == [["E102"], ["E104"]]
    assert api.import_and_wait(companyIdValue=THIRD_SIRET)["success"] is True
