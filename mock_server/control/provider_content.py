"""Provider states that are a matter of content: accounts, third parties, dossiers and what answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import convert

from mock_server.domain import evidences
from mock_server.domain.model import Dossier
from mock_server.domain.placing import without_dossiers
from mock_server.domain.requirements import withdraw_requirement
from mock_server.domain.world import World, holder_of
from mock_server.fixtures.entries import AccountChange, DossierEntry, DossierPatch, Overrides, ThirdpartyPatch
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.upsert import (
    apply_overrides,
    change_account,
    ensure_user,
    find_thirdparty,
    with_registration_date,
)
from mock_server.fixtures.upsert_dossiers import change_dossier
from mock_server.sandbox import Sandbox

Values = Mapping[str, Any]


class _Placed(NamedTuple):
    """A dossier, and the world in which it is."""

    world: World
    dossier: Dossier


def exists(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The dossier is there: as it was, if it was."""
    return _done(sandbox, given, lambda placed, _: placed.world)


def archived(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The dossier is there, and stopped."""
    patch = convert({"stoppingReason": given["reason"]}, DossierPatch)

    def stop(placed: _Placed, now: datetime) -> World:
        return change_dossier(placed.world, now, dossier_id=placed.dossier.dossier_id, patch=patch)

    return _done(sandbox, given, stop)


def complete(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The dossier is there, and each of its documents answered for ever."""

    def answer_all(placed: _Placed, now: datetime) -> World:
        world = placed.world
        for document in placed.dossier.documents:
            world = _deposited(world, now, placed.dossier, document.code, evidences.Deposit(file_size=40_000))
        return world

    return _done(sandbox, given, answer_all)


def answered(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The dossier is there, and this document of it answered by a file that is valid until a day."""
    until = evidences.Deposit(file_size=40_000, expiration_date=evidences.last_day(given["date"]))

    def answer(world: World, now: datetime) -> tuple[World, dict[str, Any]]:
        world, dossier = _ensured(world, now, given)
        found = {document.code: document.document_id for document in dossier.documents}
        if given["code"] not in found:
            raise InputError("$.code", f"the dossier asks for {', '.join(found)}, not for {given['code']}")
        file_id = world.next_ids.evidence
        world = _deposited(world, now, dossier, given["code"], until)
        return world, {**_ids(dossier), "documentId": found[given["code"]], "fileId": file_id}

    return sandbox.execute(answer)


def no_dossiers(sandbox: Sandbox, _: Values) -> dict[str, Any]:
    """No account has a dossier."""
    sandbox.change(lambda world, _: without_dossiers(world))
    return {}


def inactive(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The account's subscription is not active."""
    change = AccountChange(subscription_status="INACTIVE")

    def deactivate(world: World, _: datetime) -> tuple[World, dict[str, Any]]:
        account_id = _account(world, given)
        return change_account(world, account_id, change, "$"), {"accountId": account_id}

    return sandbox.execute(deactivate)


def withdrawn(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The document type may be asked for no more: by the account, or by any."""
    code, account_id = given["code"], given["accountId"]
    sandbox.change(
        lambda world, _: withdraw_requirement(world, code=code, withdrawn=True, account_id=account_id)
    )
    return {}


def registered(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The third party is on the platform, and has a user."""
    return _with_thirdparty(
        sandbox, convert({"siret": given["siret"]}, ThirdpartyPatch), with_registration_date
    )


def out_of_business(sandbox: Sandbox, given: Values) -> dict[str, Any]:
    """The third party is known, and out of business; its dossiers are stopped."""
    patch = convert({"siret": given["siret"], "outOfBusiness": True}, ThirdpartyPatch)
    return _with_thirdparty(sandbox, patch, lambda _, __, patch: patch)


def _with_thirdparty(
    sandbox: Sandbox,
    patch: ThirdpartyPatch,
    prepared: Callable[[World, datetime, ThirdpartyPatch], ThirdpartyPatch],
) -> dict[str, Any]:
    def place(world: World, now: datetime) -> tuple[World, dict[str, Any]]:
        world = _laid(world, now, Overrides(thirdparties=(prepared(world, now, patch),)))
        made = find_thirdparty(world, patch, "$")
        assert made is not None  # noqa: S101  # it was just laid over the world
        return ensure_user(world, made), {"thirdpartyId": made.thirdparty_id}

    return sandbox.execute(place)


def _done(sandbox: Sandbox, given: Values, then: Callable[[_Placed, datetime], World]) -> dict[str, Any]:
    """Have the dossier there, do the rest, and tell its ids."""

    def place(world: World, now: datetime) -> tuple[World, dict[str, Any]]:
        placed = _ensured(world, now, given)
        return then(placed, now), _ids(placed.dossier)

    return sandbox.execute(place)


def _ensured(world: World, now: datetime, given: Values) -> _Placed:
    """The dossier of this third party and reference; placed where there is none."""
    members = {
        "dossierReference": given["reference"],
        **{name: given[name] for name in ("siret", "dossierId")},
    }
    account_id = _account(world, given)
    entry = convert({**members, "accountId": account_id}, DossierEntry)
    thirdparty = find_thirdparty(world, convert({"siret": given["siret"]}, ThirdpartyPatch), "$")
    portfolio = world.portfolio(account_id)
    for number in portfolio.index.get(("reference", given["reference"]), ()) if thirdparty else ():
        dossier = portfolio.dossiers[number]
        if thirdparty and dossier.thirdparty_id == thirdparty.thirdparty_id:
            return _Placed(world, dossier)
    dossier_id = entry.dossier_id or world.next_ids.dossier
    world = _laid(world, now, Overrides(dossiers=(entry,)))
    return _Placed(world, holder_of(world, dossier_id).dossiers[dossier_id])


def _account(world: World, given: Values) -> int:
    """The account that is said, or the default one."""
    account_id = given["accountId"] or world.admission.default_account
    if account_id is None:
        raise InputError("$.accountId", "there is no default account: name one")
    return int(account_id)


def _laid(world: World, now: datetime, given: Overrides) -> World:
    return apply_overrides(world, now, given, default_account=world.admission.default_account)


def _deposited(world: World, now: datetime, dossier: Dossier, code: str, given: evidences.Deposit) -> World:
    return evidences.deposit(
        world, now, account_id=dossier.account_id, dossier_id=dossier.dossier_id, code=code, given=given
    )


def _ids(dossier: Dossier) -> dict[str, Any]:
    return {
        "dossierId": dossier.dossier_id,
        "thirdpartyId": dossier.thirdparty_id,
        "accountId": dossier.account_id,
    }
