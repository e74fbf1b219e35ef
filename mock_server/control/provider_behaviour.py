"""Provider states that bend how calls are answered: each is a rule, as in a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mock_server.domain.operations import OPERATIONS
from mock_server.sandbox import Sandbox
from mock_server.scenarios import Rule
from mock_server.scenarios.validation import check_rules

_BEHIND_THE_LOGIN = [row.name for row in OPERATIONS.values() if row.paths[0].startswith("/account")]
_LIMITED = [name for name in _BEHIND_THE_LOGIN if name != "listAccounts"]


def import_fails(sandbox: Sandbox, given: Mapping[str, Any]) -> dict[str, Any]:
    """The data provider fails for this company."""
    return _hold(sandbox, _import_of(given), {"process": {"fail": given["code"]}})


def import_hangs(sandbox: Sandbox, given: Mapping[str, Any]) -> dict[str, Any]:
    """The data provider never answers for this company."""
    return _hold(sandbox, _import_of(given), {"process": {"hold": True}})


def down(sandbox: Sandbox, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every call of the API is answered with this status; a client may still log in."""
    body = {"message": "the API is down"}
    return _hold(sandbox, _every_call(), {"respond": {"status": given["status"], "body": body}})


def token_expired(sandbox: Sandbox, _: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever token a call brings has expired."""
    return _hold(sandbox, _every_call(), {"token": "expired"})


def rate_limited(sandbox: Sandbox, _: Mapping[str, Any]) -> dict[str, Any]:
    """Every call in an account is one too many."""
    return _hold(sandbox, {"operation": _LIMITED}, {"rateLimit": "exceeded"})


def _import_of(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"operation": "importDossier", "body": {"companyIdValue": given["companyIdValue"]}}


def _every_call() -> dict[str, Any]:
    return {"operation": _BEHIND_THE_LOGIN}


def _hold(sandbox: Sandbox, when: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Let a rule hold, after those of the states before."""
    name = f"provider state {len(sandbox.active_scenario.ad_hoc_rules) + 1}"
    rule = msgspec.convert({"name": name, "when": when, "then": then}, Rule)
    check_rules((rule,), "$")
    sandbox.active_scenario.add((rule,))
    return {}
