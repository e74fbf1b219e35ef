"""The provider states of Pact: one table of domain sentences, each with the function that sets it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from mock_server.domain import evidences
from mock_server.domain.model import Dossier
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.world import World, find_portfolio
from mock_server.fixtures.decode_errors import convert_plain
from mock_server.fixtures.entries import AccountChange, DossierEntry, DossierPatch, ThirdpartyPatch
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.upsert import find_thirdparty
from mock_server.sandbox import ServerSandbox
from mock_server.sandbox.commands import (
    AddRules,
    AnyCommand,
    ChangeAccount,
    ChangeDossier,
    ChangeRequirement,
    ClearDossiers,
    CreateDossier,
    DepositEvidence,
    RegisterThirdparty,
    Together,
)
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


def dossier_exists(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, if it does not exist."""
    return _with_dossier(sandbox, values, lambda _: [])


def dossier_is_archived(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and stop it."""
    patch = convert_plain({"stoppingReason": values["reason"]}, DossierPatch)
    return _with_dossier(sandbox, values, lambda dossier: [ChangeDossier(dossier.dossier_id, patch)])


def dossier_is_complete(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and answer each of its documents, without expiry."""
    file = evidences.Deposit(file_size=evidences.DEFAULT_FILE_SIZE)

    def answer_all(dossier: Dossier) -> list[AnyCommand]:
        return [DepositEvidence(dossier.dossier_id, document.code, file) for document in dossier.documents]

    return _with_dossier(sandbox, values, answer_all)


def document_is_answered(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and answer one document of it with a file that is valid until a day."""
    code, until = values["code"], evidences.last_day(values["date"])
    file = evidences.Deposit(file_size=evidences.DEFAULT_FILE_SIZE, expiration_date=until)
    ids: dict[str, int] = {}

    def answer(dossier: Dossier) -> list[AnyCommand]:
        ids.update((document.code, document.document_id) for document in dossier.documents)
        if code not in ids:
            raise InputError("$.code", f"the dossier asks for {', '.join(ids)}, not for {code}")
        return [DepositEvidence(dossier.dossier_id, code, file)]

    file_id = sandbox.read().next_ids.evidence
    returned = _with_dossier(sandbox, values, answer)
    return {**returned, "documentId": ids[code], "fileId": file_id}


def no_dossiers(sandbox: ServerSandbox, _: Values) -> dict[str, Any]:
    """Remove the dossiers of all accounts."""
    sandbox.execute(ClearDossiers())
    return {}


def account_is_inactive(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Deactivate the subscription of the account."""
    account_id = _account(sandbox.read(), values)
    sandbox.execute(ChangeAccount(account_id, AccountChange(subscription_status="INACTIVE")))
    return {"accountId": account_id}


def document_type_is_withdrawn(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Withdraw the document type, for one account or for all."""
    sandbox.execute(ChangeRequirement(values["code"], withdrawn=True, account_id=values["accountId"]))
    return {}


def thirdparty_is_registered(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Register the third party on the platform, with a user."""
    patch = convert_plain({"siret": values["siret"]}, ThirdpartyPatch)
    return {"thirdpartyId": sandbox.execute(RegisterThirdparty(patch)).thirdparty_id}


def thirdparty_is_out_of_business(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Close the company; its dossiers stop."""
    patch = convert_plain({"siret": values["siret"], "outOfBusiness": True}, ThirdpartyPatch)
    return {"thirdpartyId": sandbox.execute(RegisterThirdparty(patch, dated=False)).thirdparty_id}


def _with_dossier(
    sandbox: ServerSandbox, values: Values, then: Callable[[Dossier], list[AnyCommand]]
) -> dict[str, Any]:
    """Create the dossier of this third party and reference, if there is none, and execute `then` on it."""
    world, create = sandbox.read(), None
    dossier = _find_dossier(world, values)
    if dossier is None:
        create = _creation(world, values)
        dossier_id = create.dossier.dossier_id or world.next_ids.dossier
        world = sandbox.preview(create).world
        dossier = find_portfolio(world, dossier_id).dossiers[dossier_id]
    sandbox.execute(Together((*([create] if create else []), *then(dossier))))
    return {
        "dossierId": dossier.dossier_id,
        "thirdpartyId": dossier.thirdparty_id,
        "accountId": dossier.account_id,
    }


def _find_dossier(world: World, values: Values) -> Dossier | None:
    thirdparty = find_thirdparty(world, convert_plain({"siret": values["siret"]}, ThirdpartyPatch), "$")
    portfolio = world.portfolio(_account(world, values))
    for number in portfolio.index.find("reference", values["reference"]) if thirdparty else ():
        dossier = portfolio.dossiers[number]
        if thirdparty and dossier.thirdparty_id == thirdparty.thirdparty_id:
            return dossier
    return None


def _creation(world: World, values: Values) -> CreateDossier:
    members = {
        "dossierReference": values["reference"],
        "accountId": _account(world, values),
        **{name: values[name] for name in ("siret", "dossierId")},
    }
    return CreateDossier(convert_plain(members, DossierEntry))


def _account(world: World, values: Values) -> int:
    """Return the account of the parameters, or the default one."""
    account_id = values["accountId"] or world.admission.default_account
    if account_id is None:
        raise InputError("$.accountId", "there is no default account: name one")
    return int(account_id)


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
    rule = convert_plain({"name": name, "when": when, "then": then}, Rule)
    check_rules((rule,), "$")
    sandbox.execute(AddRules((rule,)))
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
