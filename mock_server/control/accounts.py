"""Accounts, document types and third parties: create and change them. The API's rules are not checked."""

from __future__ import annotations

from typing import Any

from flask import Response

from mock_server.control.calls import route
from mock_server.control.problems import json_answer
from mock_server.dialects import DIALECTS, wire
from mock_server.domain.model import Thirdparty
from mock_server.fixtures.actions import NewAccount, Withdrawal
from mock_server.fixtures.entries import AccountChange, ThirdpartyPatch
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.web.services import named_sandbox, services


@route("POST /accounts", body=NewAccount, status=201)
def create_account(body: NewAccount) -> Response:
    """Create an account."""
    sandbox = named_sandbox()
    sandbox.execute(commands.CreateAccount(body.without_users(), body.users))
    return json_answer(_account(sandbox, body.account_id), 201)


@route("PATCH /accounts/<int:account_id>", body=AccountChange)
def change_account(body: AccountChange, account_id: int) -> Response:
    """Change an account: deactivate it, remove its international option, set its document types."""
    sandbox = named_sandbox()
    sandbox.execute(commands.ChangeAccount(account_id, body))
    return json_answer(_account(sandbox, account_id))


@route("PATCH /requirements/<path:code>", body=Withdrawal)
def change_requirement(body: Withdrawal, code: str) -> Response:
    """Withdraw a document type, so that a request for it is rejected with E301; or make it available again.

    A withdrawn type is no longer a default of an account, and does not become one again by itself.
    """
    named_sandbox().execute(commands.ChangeRequirement(code, body.withdrawn, body.account_id))
    return json_answer({"code": code, "withdrawn": body.withdrawn, "accountId": body.account_id})


@route("POST /thirdparties", body=ThirdpartyPatch, status=201)
def register_thirdparty(body: ThirdpartyPatch) -> Response:
    """Register a third party on the platform, known there or not; without a date it registers today.

    It has users afterwards: those given, or a generated one.
    """
    return json_answer(_thirdparty(named_sandbox().execute(commands.RegisterThirdparty(body))), 201)


@route("POST /thirdparties/<int:thirdparty_id>/close")
def close_thirdparty(thirdparty_id: int) -> Response:
    """Close a company: its dossiers stop, in every account."""
    named_sandbox().execute(commands.CloseThirdparty(thirdparty_id))
    return json_answer({"thirdpartyId": thirdparty_id, "outOfBusiness": True})


def _account(sandbox: ServerSandbox, account_id: int) -> dict[str, Any]:
    """Return an account as the API shows it, with members that the API does not show."""
    account = sandbox.read().portfolio(account_id).account
    rows = account.requirements.values()
    return {
        **DIALECTS[services().settings.dialect].account(account),
        "international": account.international,
        "requirements": [row.code for row in rows if not row.withdrawn],
        "withdrawn": [row.code for row in rows if row.withdrawn],
        "defaultRequirements": list(account.default_requirements),
    }


def _thirdparty(thirdparty: Thirdparty) -> dict[str, Any]:
    return {
        "thirdpartyId": thirdparty.thirdparty_id,
        "companyIdType": thirdparty.company_id.type.value,
        "companyIdValue": thirdparty.company_id.value,
        "name": thirdparty.company.name,
        "subscriptionDate": wire.plain_date(thirdparty.subscription_date),
        "subscriptionKey": thirdparty.subscription_key,
        "outOfBusiness": thirdparty.out_of_business,
        "users": [user.email for user in thirdparty.users],
    }
