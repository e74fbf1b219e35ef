"""Accounts, document types and third parties: create and change them. The API's rules are not checked."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import Response
from msgspec import Struct, structs
from msgspec.structs import replace

from mock_server.control.calls import route
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import DIALECTS, wire
from mock_server.domain import platform
from mock_server.domain.model import Thirdparty
from mock_server.domain.platform import withdraw_requirement
from mock_server.domain.world import World
from mock_server.fixtures import upsert
from mock_server.fixtures.entries import AccountChange, AccountPatch, Id, Overrides, ThirdpartyPatch
from mock_server.fixtures.errors import InputError
from mock_server.sandbox import ServerSandbox
from mock_server.web.services import named_sandbox, services


class NewAccount(AccountPatch, frozen=True, kw_only=True):
    """An account as in a recipe. Its `users`, who are declared, get it in their next tokens."""

    users: tuple[str, ...] = ()


class Withdrawal(Struct, forbid_unknown_fields=True, rename="camel"):
    """Whether a document type is withdrawn; without `accountId`, for all accounts."""

    withdrawn: bool
    account_id: Id | None = None


@route("POST /accounts", body=NewAccount, status=201)
def create_account(wanted: NewAccount) -> Response:
    """Create an account."""
    account_id = wanted.account_id

    def create(world: World, now: datetime) -> World:
        if account_id in world.portfolios:
            raise Problem(f"there is an account {account_id}: PATCH /__admin/accounts/{account_id}", 409)
        members = structs.asdict(wanted)
        usernames = members.pop("users")
        return _give_account(
            add_entry(world, now, accounts=(AccountPatch(**members),)), account_id, usernames
        )

    sandbox = named_sandbox()
    sandbox.change(create)
    return json_answer(_account(sandbox, account_id), 201)


@route("PATCH /accounts/<int:account_id>", body=AccountChange)
def change_account(wanted: AccountChange, account_id: int) -> Response:
    """Change an account: deactivate it, remove its international option, set its document types."""
    sandbox = named_sandbox()
    sandbox.change(lambda world, _: upsert.change_account(world, account_id, wanted, "$"))
    return json_answer(_account(sandbox, account_id))


@route("PATCH /requirements/<path:code>", body=Withdrawal)
def change_requirement(wanted: Withdrawal, code: str) -> Response:
    """Withdraw a document type, so that a request for it is rejected with E301; or make it available again.

    A withdrawn type is no longer a default of an account, and does not become one again by itself.
    """
    named_sandbox().change(
        lambda world, _: withdraw_requirement(
            world, code=code, withdrawn=wanted.withdrawn, account_id=wanted.account_id
        )
    )
    return json_answer({"code": code, "withdrawn": wanted.withdrawn, "accountId": wanted.account_id})


@route("POST /thirdparties", body=ThirdpartyPatch, status=201)
def register_thirdparty(wanted: ThirdpartyPatch) -> Response:
    """Register a third party on the platform, known there or not; without a date it registers today.

    It has users afterwards: those given, or a generated one.
    """

    def register(world: World, now: datetime) -> tuple[World, Thirdparty]:
        after = add_entry(world, now, thirdparties=(upsert.with_registration_date(world, now, wanted),))
        return ensure_user(after, wanted)

    return json_answer(_thirdparty(named_sandbox().execute(register)), 201)


@route("POST /thirdparties/<int:thirdparty_id>/close")
def close_thirdparty(thirdparty_id: int) -> Response:
    """Close a company: its dossiers stop, in every account."""
    named_sandbox().change(platform.close_thirdparty, thirdparty_id=thirdparty_id)
    return json_answer({"thirdpartyId": thirdparty_id, "outOfBusiness": True})


def add_entry(world: World, now: datetime, **entries: Any) -> World:
    """Add one entry, as in a recipe, or replace what it names.

    Raises:
        InputError: it is invalid; the place is that in the entry.
    """
    try:
        return upsert.apply_overrides(
            world, now, Overrides(**entries), default_account=world.admission.default_account
        )
    except InputError as error:
        path = re.sub(r"^\$\.[a-z]+\[0\]", "$", error.path)
        raise InputError(path, str(error)) from None


def ensure_user(world: World, wanted: ThirdpartyPatch) -> tuple[World, Thirdparty]:
    """Generate a user of a third party that has none, and return the third party."""
    thirdparty = upsert.find_thirdparty(world, wanted, "$")
    assert thirdparty is not None  # noqa: S101  # the caller has just added it
    world = upsert.ensure_user(world, thirdparty)
    return world, world.thirdparties[thirdparty.thirdparty_id]


def _give_account(world: World, account_id: int, usernames: tuple[str, ...]) -> World:
    """Add the account to those of the users."""
    logins = dict(world.admission.logins)
    for index, name in enumerate(usernames):
        if name not in logins:
            raise InputError(f"$.users[{index}]", f"there is no user {name!r}; there are {', '.join(logins)}")
        logins[name] = replace(logins[name], account_ids=(*logins[name].account_ids, account_id))
    return replace(world, admission=replace(world.admission, logins=logins))


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
