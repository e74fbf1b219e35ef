"""The provider states of Pact: one table of domain sentences, each with the function that sets it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from msgspec import Struct, convert

from mock_server.control.accounts import add_entry, ensure_user
from mock_server.domain import evidences
from mock_server.domain.model import Dossier
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.platform import clear_dossiers, withdraw_requirement
from mock_server.domain.world import World, find_portfolio
from mock_server.fixtures.entries import AccountChange, DossierEntry, DossierPatch, ThirdpartyPatch
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.upsert import change_account, find_thirdparty, with_registration_date
from mock_server.fixtures.upsert_dossiers import change_dossier
from mock_server.sandbox import ServerSandbox
from mock_server.scenarios import Rule
from mock_server.scenarios.validation import check_rules

Values = Mapping[str, Any]
SetUp = Callable[[ServerSandbox, Values], dict[str, Any]]

_WITH_TOKEN = [row.name for row in OPERATIONS.values() if row.paths[0].startswith("/account")]
_LIMITED = [name for name in _WITH_TOKEN if name != "listAccounts"]


class Parameter(Struct, frozen=True):
    """A parameter of a state: its name, type and default."""

    name: str
    kind: type
    default: Any = None


class ProviderState(Struct, frozen=True):
    """A sentence, its parameters, the function that sets it up, and the names of what this returns."""

    sentence: str
    parameters: tuple[Parameter, ...]
    set_up: SetUp
    returned: tuple[str, ...] = ()


class _DossierInWorld(NamedTuple):
    """A dossier, and the world that has it."""

    world: World
    dossier: Dossier


def dossier_exists(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, if it does not exist."""
    return _with_dossier(sandbox, values, lambda found, _: found.world)


def dossier_is_archived(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and stop it."""
    patch = convert({"stoppingReason": values["reason"]}, DossierPatch)

    def stop(found: _DossierInWorld, now: datetime) -> World:
        return change_dossier(found.world, now, dossier_id=found.dossier.dossier_id, patch=patch)

    return _with_dossier(sandbox, values, stop)


def dossier_is_complete(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and answer each of its documents, without expiry."""

    def answer_all(found: _DossierInWorld, now: datetime) -> World:
        world = found.world
        for document in found.dossier.documents:
            world = _deposit(world, now, found.dossier, document.code, evidences.Deposit(file_size=40_000))
        return world

    return _with_dossier(sandbox, values, answer_all)


def document_is_answered(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and answer one document of it with a file that is valid until a day."""
    until = evidences.Deposit(file_size=40_000, expiration_date=evidences.last_day(values["date"]))

    def answer(world: World, now: datetime) -> tuple[World, dict[str, Any]]:
        world, dossier = _ensure_dossier(world, now, values)
        ids = {document.code: document.document_id for document in dossier.documents}
        if values["code"] not in ids:
            raise InputError("$.code", f"the dossier asks for {', '.join(ids)}, not for {values['code']}")
        file_id = world.next_ids.evidence
        world = _deposit(world, now, dossier, values["code"], until)
        return world, {**_ids(dossier), "documentId": ids[values["code"]], "fileId": file_id}

    return sandbox.execute(answer)


def no_dossiers(sandbox: ServerSandbox, _: Values) -> dict[str, Any]:
    """Remove the dossiers of all accounts."""
    sandbox.change(lambda world, _: clear_dossiers(world))
    return {}


def account_is_inactive(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Deactivate the subscription of the account."""
    change = AccountChange(subscription_status="INACTIVE")

    def deactivate(world: World, _: datetime) -> tuple[World, dict[str, Any]]:
        account_id = _account(world, values)
        return change_account(world, account_id, change, "$"), {"accountId": account_id}

    return sandbox.execute(deactivate)


def document_type_is_withdrawn(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Withdraw the document type, for one account or for all."""
    code, account_id = values["code"], values["accountId"]
    sandbox.change(
        lambda world, _: withdraw_requirement(world, code=code, withdrawn=True, account_id=account_id)
    )
    return {}


def thirdparty_is_registered(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Register the third party on the platform, with a user."""
    return _with_thirdparty(
        sandbox, convert({"siret": values["siret"]}, ThirdpartyPatch), with_registration_date
    )


def thirdparty_is_out_of_business(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Close the company; its dossiers stop."""
    patch = convert({"siret": values["siret"], "outOfBusiness": True}, ThirdpartyPatch)
    return _with_thirdparty(sandbox, patch, lambda _, __, patch: patch)


def _with_thirdparty(
    sandbox: ServerSandbox,
    patch: ThirdpartyPatch,
    prepare: Callable[[World, datetime, ThirdpartyPatch], ThirdpartyPatch],
) -> dict[str, Any]:
    def set_up(world: World, now: datetime) -> tuple[World, dict[str, Any]]:
        world = add_entry(world, now, thirdparties=(prepare(world, now, patch),))
        world, thirdparty = ensure_user(world, patch)
        return world, {"thirdpartyId": thirdparty.thirdparty_id}

    return sandbox.execute(set_up)


def _with_dossier(
    sandbox: ServerSandbox, values: Values, then: Callable[[_DossierInWorld, datetime], World]
) -> dict[str, Any]:
    """Create the dossier, apply `then`, and return its ids."""

    def set_up(world: World, now: datetime) -> tuple[World, dict[str, Any]]:
        found = _ensure_dossier(world, now, values)
        return then(found, now), _ids(found.dossier)

    return sandbox.execute(set_up)


def _ensure_dossier(world: World, now: datetime, values: Values) -> _DossierInWorld:
    """Return the dossier of this third party and reference; create it where there is none."""
    members = {
        "dossierReference": values["reference"],
        **{name: values[name] for name in ("siret", "dossierId")},
    }
    account_id = _account(world, values)
    entry = convert({**members, "accountId": account_id}, DossierEntry)
    thirdparty = find_thirdparty(world, convert({"siret": values["siret"]}, ThirdpartyPatch), "$")
    portfolio = world.portfolio(account_id)
    for number in portfolio.index.get(("reference", values["reference"]), ()) if thirdparty else ():
        dossier = portfolio.dossiers[number]
        if thirdparty and dossier.thirdparty_id == thirdparty.thirdparty_id:
            return _DossierInWorld(world, dossier)
    dossier_id = entry.dossier_id or world.next_ids.dossier
    world = add_entry(world, now, dossiers=(entry,))
    return _DossierInWorld(world, find_portfolio(world, dossier_id).dossiers[dossier_id])


def _account(world: World, values: Values) -> int:
    """Return the account of the parameters, or the default one."""
    account_id = values["accountId"] or world.admission.default_account
    if account_id is None:
        raise InputError("$.accountId", "there is no default account: name one")
    return int(account_id)


def _deposit(world: World, now: datetime, dossier: Dossier, code: str, deposit: evidences.Deposit) -> World:
    return evidences.deposit(
        world, now, account_id=dossier.account_id, dossier_id=dossier.dossier_id, code=code, given=deposit
    )


def _ids(dossier: Dossier) -> dict[str, Any]:
    return {
        "dossierId": dossier.dossier_id,
        "thirdpartyId": dossier.thirdparty_id,
        "accountId": dossier.account_id,
    }


def import_fails(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Let the data provider fail for this company."""
    return _add_rule(sandbox, _import_of(values), {"process": {"fail": values["code"]}})


def import_never_ends(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Let the data provider never answer for this company."""
    return _add_rule(sandbox, _import_of(values), {"process": {"hold": True}})


def api_is_down(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Answer every call of the API with this status; logins work."""
    body = {"message": "the API is down"}
    return _add_rule(sandbox, _any_call(), {"respond": {"status": values["status"], "body": body}})


def token_is_expired(sandbox: ServerSandbox, _: Values) -> dict[str, Any]:
    """Treat the token of every call as expired."""
    return _add_rule(sandbox, _any_call(), {"token": "expired"})


def rate_limit_is_exceeded(sandbox: ServerSandbox, _: Values) -> dict[str, Any]:
    """Reject every call in an account by the rate limit."""
    return _add_rule(sandbox, {"operation": _LIMITED}, {"rateLimit": "exceeded"})


def _import_of(values: Values) -> dict[str, Any]:
    return {"operation": "importDossier", "body": {"companyIdValue": values["companyIdValue"]}}


def _any_call() -> dict[str, Any]:
    return {"operation": _WITH_TOKEN}


def _add_rule(sandbox: ServerSandbox, when: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Add a rule, after those of earlier states."""
    name = f"provider state {len(sandbox.active_scenario.ad_hoc_rules) + 1}"
    rule = convert({"name": name, "when": when, "then": then}, Rule)
    check_rules((rule,), "$")
    sandbox.active_scenario.add((rule,))
    return {}


ACCOUNT = Parameter("accountId", int)
SIRET = Parameter("siret", str, "99050000100013")
COMPANY = Parameter("companyIdValue", str, "99050000100013")
CODE = Parameter("code", str, "ATT_VIGI")
REFERENCE = Parameter("reference", str, "PO-1")
DOSSIER = (REFERENCE, SIRET, ACCOUNT, Parameter("dossierId", int))
IDS = ("dossierId", "thirdpartyId", "accountId")

STATES: tuple[ProviderState, ...] = (
    ProviderState("a dossier with reference {reference} exists", DOSSIER, dossier_exists, IDS),
    ProviderState(
        "a dossier with reference {reference} is archived",
        (*DOSSIER, Parameter("reason", str, "STOPREQUEST")),
        dossier_is_archived,
        IDS,
    ),
    ProviderState("a dossier with reference {reference} is complete", DOSSIER, dossier_is_complete, IDS),
    ProviderState(
        "a document {code} of dossier {reference} is answered until {date}",
        (*DOSSIER, CODE, Parameter("date", date, date(2090, 12, 31))),
        document_is_answered,
        (*IDS, "documentId", "fileId"),
    ),
    ProviderState("there are no dossiers", (), no_dossiers),
    ProviderState("account {accountId} is inactive", (ACCOUNT,), account_is_inactive, ("accountId",)),
    ProviderState("document type {code} is withdrawn", (CODE, ACCOUNT), document_type_is_withdrawn),
    ProviderState("third party {siret} is registered", (SIRET,), thirdparty_is_registered, ("thirdpartyId",)),
    ProviderState(
        "third party {siret} is out of business", (SIRET,), thirdparty_is_out_of_business, ("thirdpartyId",)
    ),
    ProviderState(
        "the import of {companyIdValue} fails with {code}",
        (COMPANY, Parameter("code", str, "E103")),
        import_fails,
    ),
    ProviderState("the import of {companyIdValue} never ends", (COMPANY,), import_never_ends),
    ProviderState("the API is down", (Parameter("status", int, 503),), api_is_down),
    ProviderState("the access token is expired", (), token_is_expired),
    ProviderState("the rate limit is exceeded", (), rate_limit_is_exceeded),
)
"""Every state that a consumer may name."""
