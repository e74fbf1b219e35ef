"""Accounts, third parties, document types and dossiers put in place directly, past the API's rules."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, Response
from msgspec import Struct, structs
from msgspec.structs import replace

from mock_server.control.answered import answered_dossier
from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import DIALECTS, wire
from mock_server.domain.model import Thirdparty
from mock_server.domain.requirements import withdraw_requirement
from mock_server.domain.world import World
from mock_server.fixtures.entries import (
    AccountChange,
    AccountPatch,
    DossierEntry,
    DossierPatch,
    Id,
    Overrides,
    ThirdpartyPatch,
)
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.upsert import (
    apply_overrides,
    change_account,
    ensure_user,
    find_thirdparty,
    with_registration_date,
)
from mock_server.fixtures.upsert_dossiers import change_dossier, find_dossier
from mock_server.sandbox import Sandbox
from mock_server.web.services import named_sandbox, services

placing = Blueprint("placing", __name__)


class NewAccount(AccountPatch, frozen=True, kw_only=True):
    """An account as in a recipe. `users`, declared ones, have it in the tokens they get from now on."""

    users: tuple[str, ...] = ()


class Withdrawal(Struct, forbid_unknown_fields=True, rename="camel"):
    """Whether the document type may be asked for no more; without `accountId`, by no account."""

    withdrawn: bool
    account_id: Id | None = None


@serves(placing, "POST /accounts", body=NewAccount, status=201)
def post_account(wanted: NewAccount) -> Response:
    """Make an account more."""
    account_id = wanted.account_id

    def place(world: World, now: datetime) -> World:
        if account_id in world.portfolios:
            raise Problem(f"there is an account {account_id}: PATCH /__admin/accounts/{account_id}", 409)
        members = structs.asdict(wanted)
        users = members.pop("users")
        after = _placed(world, now, accounts=(AccountPatch(**members),))
        return _opened_to(after, account_id, users)

    found = named_sandbox()
    found.change(place)
    return json_answer(_account(found, account_id), 201)


@serves(placing, "PATCH /accounts/<int:account_id>", body=AccountChange)
def patch_account(wanted: AccountChange, account_id: int) -> Response:
    """Change an account: deactivate it, take its international option, let it ask for other documents."""
    found = named_sandbox()
    found.change(lambda world, _: change_account(world, account_id, wanted, "$"))
    return json_answer(_account(found, account_id))


@serves(placing, "POST /thirdparties", body=ThirdpartyPatch, status=201)
def post_thirdparty(wanted: ThirdpartyPatch) -> Response:
    """Register a third party on the platform, known there or not; left out, its registration is of today.

    It has users from then on: those given, or one made up.
    """

    def register(world: World, now: datetime) -> tuple[World, Thirdparty]:
        after = _placed(world, now, thirdparties=(with_registration_date(world, now, wanted),))
        return _peopled(after, wanted)

    return json_answer(_thirdparty(named_sandbox().execute(register)), 201)


@serves(placing, "PATCH /requirements/<path:code>", body=Withdrawal)
def patch_requirement(wanted: Withdrawal, code: str) -> Response:
    """Withdraw a document type: asking for it is refused with E301; or take that back.

    A withdrawn one is no default of an account any more, and does not become one again by itself.
    """
    named_sandbox().change(
        lambda world, _: withdraw_requirement(
            world, code=code, withdrawn=wanted.withdrawn, account_id=wanted.account_id
        )
    )
    return json_answer({"code": code, "withdrawn": wanted.withdrawn, "accountId": wanted.account_id})


@serves(placing, "POST /dossiers", body=DossierEntry, status=201)
def post_dossier(wanted: DossierEntry) -> Response:
    """Put a dossier in place, as a recipe spells one; what it leaves out follows from what it says."""

    def place(world: World, now: datetime) -> tuple[World, int]:
        dossier_id = world.next_ids.dossier if wanted.dossier_id is None else wanted.dossier_id
        if find_dossier(world, dossier_id) is not None:
            raise Problem(f"there is a dossier {dossier_id}: PATCH /__admin/dossiers/{dossier_id}", 409)
        return _placed(world, now, dossiers=(wanted,)), dossier_id

    found = named_sandbox()
    dossier_id = found.execute(place)
    return json_answer(answered_dossier(found, dossier_id), 201)


@serves(placing, "PATCH /dossiers/<int:dossier_id>", body=DossierPatch)
def patch_dossier(wanted: DossierPatch, dossier_id: int) -> Response:
    """Change a dossier, stopped or not, past the API's rules.

    A null `stoppingDate` or `stoppingReason` makes it active again. What follows from a change is dated now.
    """
    found = named_sandbox()
    found.change(change_dossier, dossier_id=dossier_id, patch=wanted)
    return json_answer(answered_dossier(found, dossier_id))


def _placed(world: World, now: datetime, **entries: Any) -> World:
    """The world with one entity laid over it; a mistake is told by its place in the entity.

    Raises:
        InputError: it cannot be.
    """
    try:
        return apply_overrides(
            world, now, Overrides(**entries), default_account=world.admission.default_account
        )
    except InputError as mistake:
        path = re.sub(r"^\$\.[a-z]+\[0\]", "$", mistake.path)
        raise InputError(path, str(mistake)) from None


def _opened_to(world: World, account_id: int, usernames: tuple[str, ...]) -> World:
    """The world in which these users have the account."""
    logins = dict(world.admission.logins)
    for at, name in enumerate(usernames):
        if name not in logins:
            raise InputError(f"$.users[{at}]", f"there is no user {name!r}; there are {', '.join(logins)}")
        logins[name] = replace(logins[name], account_ids=(*logins[name].account_ids, account_id))
    return replace(world, admission=replace(world.admission, logins=logins))


def _peopled(world: World, wanted: ThirdpartyPatch) -> tuple[World, Thirdparty]:
    made = find_thirdparty(world, wanted, "$")
    assert made is not None  # noqa: S101  # it was just laid over the world
    world = ensure_user(world, made)
    return world, world.thirdparties[made.thirdparty_id]


def _account(found: Sandbox, account_id: int) -> dict[str, Any]:
    """An account as the API shows it, and what the API does not show of it."""
    account = found.read().portfolio(account_id).account
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
