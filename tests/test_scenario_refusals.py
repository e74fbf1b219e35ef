"""What a step expects of a refusal, and rules that could never apply."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from mock_server.domain.operations import OPERATIONS
from mock_server.input_errors import InputError
from mock_server.scenarios.file_format import Expect, Rule, Then, When
from mock_server.scenarios.http_client import HttpResponse
from mock_server.scenarios.results import response_differences
from mock_server.scenarios.rule_validation import raise_first, rules_errors


def answer(status: int, body: Any) -> HttpResponse:
    return HttpResponse(status=status, headers={}, content=json.dumps(body).encode(), took=timedelta())


def messages(*codes: str) -> dict[str, Any]:
    return {"messages": {"error": [{"code": code} for code in codes]}}


def errors(*codes: str) -> dict[str, Any]:
    return {"content": {"complete": True, "success": False, "errors": [{"code": code} for code in codes]}}


@pytest.mark.parametrize(
    ("operation", "code", "answer"),
    [
        ("getProcess", "E103", answer(200, errors("E103"))),
        ("getProcess", "NOT_FOUND", answer(404, messages("NOT_FOUND"))),
        ("listProcesses", "E022", answer(400, messages("E022"))),
        ("listDossiers", "E010", answer(400, messages("E010"))),
        ("importDossier", "E001", answer(400, messages("E001"))),
        ("getDossier", "E200", answer(404, messages("E200"))),
    ],
)
def test_a_refusal_has_the_status_of_its_kind_of_answer(
    operation: str, code: str, answer: HttpResponse
) -> None:
    assert response_differences(Expect(refused=(code,)), answer, operation=OPERATIONS[operation]) == []


@pytest.mark.parametrize("operation", ["getToken", "listAccounts"])
def test_a_rate_limit_for_calls_without_an_account_is_rejected(operation: str) -> None:
    rule = Rule(name="too many", when=When(operation=operation), then=Then(rate_limit="exceeded"))

    with pytest.raises(InputError, match=f"rate limits are per account, and {operation} has none"):
        raise_first(rules_errors([rule], "$.rules"))


def test_a_rate_limit_for_all_operations_is_accepted() -> None:
    raise_first(rules_errors([Rule(name="all", when=When(), then=Then(rate_limit="enforced"))], "$.rules"))
