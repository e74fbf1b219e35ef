"""The provider states of Pact: the call that sets them up, by body or by query, and the states themselves.

A state is a function with the sentence that names it, its parameters, and what it returns.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal

from flask import Response, request
from msgspec import Struct

from mock_server.control.calls import route
from mock_server.control.problems import Problem, json_answer, missing_text
from mock_server.decode_errors import convert_plain
from mock_server.domain import evidences
from mock_server.domain.errors import NotFound
from mock_server.domain.model import Dossier
from mock_server.domain.names import proposal_and_all, shown
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.world import World, find_portfolio
from mock_server.fixtures.entries import AccountChange, DossierEntry, DossierPatch, ThirdpartyPatch
from mock_server.fixtures.upsert import find_thirdparty
from mock_server.input_errors import InputError
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.scenarios.file_format import Rule
from mock_server.scenarios.rule_validation import raise_first, rules_errors
from mock_server.web.services import named_sandbox

Values = Mapping[str, Any]
SetUp = Callable[[ServerSandbox, Values], dict[str, Any]]

_logger = logging.getLogger("mock_server.pact")
_RESET = tuple(part for part in commands.PARTS if part != "journal")
_CALL_PARAMETERS = {"state", "action", "consumer", "sandbox"}
_TEXT = {"type": "string"}
_KINDS = {int: "an integer", str: "a text", date: "a date such as 2090-12-31"}
_QUERY = {
    "state": _TEXT,
    "action": {"type": "string", "enum": ["setup", "teardown"]},
    "consumer": _TEXT,
}


class NamedState(Struct, forbid_unknown_fields=True):
    """A state with its own parameters."""

    name: str
    params: dict[str, Any] | None = None


class StateChange(Struct, forbid_unknown_fields=True):
    """A `state` and its parameters, or all `states` of an interaction; an empty name is ignored."""

    state: str | None = None
    states: tuple[str | NamedState, ...] = ()
    params: dict[str, Any] | None = None
    action: Literal["setup", "teardown"] = "setup"
    consumer: str | None = None


@route("POST /pact/states", body=StateChange, query=_QUERY, open_with=("state", "action"))
def change_provider_state(body: StateChange) -> Response:
    """Set up a provider state of Pact, or tear it down; return the ids that it created.

    A setup after a teardown, or after a call of the API, starts from the fixture; successive setups add up,
    and so do those of a list. The journal stays. Without a body, `state`, `action` and `consumer` are those
    of the query, and every other name in it is a parameter of the state.
    """
    change = _query_change() if "state" in request.args or "action" in request.args else body
    sandbox = named_sandbox()
    if change.action == "teardown":
        sandbox.reset(_RESET)
        sandbox.execute(commands.MarkPactStates(None))
        return json_answer({})
    try:
        return json_answer(_set_up(sandbox, change))
    except Problem as problem:  # a verifier shows only the status
        _logger.warning("provider state rejected: %s", problem.detail)
        raise


def _set_up(sandbox: ServerSandbox, change: StateChange) -> dict[str, Any]:
    """Set up the states, and return their values, merged."""
    chosen = [find_state(state.name, state.params or {}) for state in _named_states(change)]
    if change.states or sandbox.state.pact_states_at != sandbox.journal.last:
        sandbox.reset(_RESET)
    sandbox.execute(commands.MarkPactStates(None))
    returned: dict[str, Any] = {}
    for state, values in chosen:
        returned |= _set_up_state(sandbox, state, values)
    sandbox.execute(commands.MarkPactStates(sandbox.journal.last))
    return returned


def _query_change() -> StateChange:
    """Read the change from the query."""
    members = {name: value for name, value in request.args.items() if name in _CALL_PARAMETERS - {"sandbox"}}
    params = {name: value for name, value in request.args.items() if name not in _CALL_PARAMETERS}
    try:
        return convert_plain(members | {"params": params}, StateChange)
    except InputError as error:
        raise Problem(f"the query is invalid: {error.path}: {error}") from None


def _named_states(change: StateChange) -> list[NamedState]:
    """Return the states, in the order in which they are set up."""
    states = [
        NamedState(state, change.params) if isinstance(state, str) else state for state in change.states
    ]
    named = states or [NamedState(change.state or "", change.params)]
    return [state for state in named if state.name]


def _set_up_state(sandbox: ServerSandbox, state: ProviderState, values: dict[str, Any]) -> dict[str, Any]:
    """Set up one state, and return its values, such as ids."""
    try:
        return state.set_up(sandbox, values)
    except (InputError, NotFound) as error:
        reason = missing_text(error) if isinstance(error, NotFound) else str(error)
        raise Problem(f"the state {state.sentence!r} is not possible: {reason}") from None


def find_state(name: str, params: Mapping[str, Any]) -> tuple[ProviderState, dict[str, Any]]:
    """Find the state that a sentence names, as it is listed or with values in it, and its parameters.

    Raises:
        Problem: there is no such state or parameter, or a value is invalid.
    """
    for state in STATES:
        in_name = {} if name == state.sentence else _values_in(name, state.sentence)
        if in_name is not None:
            return state, _parameter_values(state, in_name, params)
    hint = proposal_and_all(name, (state.sentence for state in STATES), "; ")
    raise Problem(f"there is no state {shown(name)}; {hint}")


def _values_in(name: str, sentence: str) -> dict[str, str] | None:
    """Return the values at the places of the parameters; None if it is another sentence."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+)", re.escape(sentence))
    match = re.fullmatch(pattern, name)
    return None if match is None else match.groupdict()


def _parameter_values(
    state: ProviderState, in_name: Mapping[str, str], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of the parameters: from the sentence, from `params`, else the default.

    Raises:
        Problem: a parameter is unknown, a value is invalid, or the two differ.
    """
    parameters = {parameter.name: parameter for parameter in state.parameters}
    for name, value in params.items():
        if name not in parameters:
            hint = proposal_and_all(name, parameters, "; ")
            raise Problem(f"the state {state.sentence!r} has no parameter {shown(name)}; {hint}")
        if in_name.get(name, str(value)) != str(value):
            raise Problem(f"the sentence has {name} {in_name[name]}, and the parameter has {value}")
    values = {**in_name, **params}
    return {
        name: parameter.default if values.get(name) is None else _read(parameter, values[name])
        for name, parameter in parameters.items()
    }


def _read(parameter: StateParameter, value: Any) -> Any:
    text = str(value)
    try:
        return date.fromisoformat(text) if parameter.kind is date else parameter.kind(text)
    except ValueError:
        message = f"the parameter {parameter.name} is {_KINDS[parameter.kind]}, not {shown(value)}"
        raise Problem(message) from None


class StateParameter(Struct, frozen=True):
    """A parameter of a state: its name, type and default."""

    name: str
    kind: type
    default: Any = None


class ProviderState(Struct, frozen=True):
    """A sentence, its parameters, the function that sets it up, and the names of what this returns."""

    sentence: str
    parameters: tuple[StateParameter, ...]
    set_up: SetUp
    returned: tuple[str, ...]


STATES: list[ProviderState] = []
"""Every state that a consumer may name."""


def _state(
    sentence: str, *parameters: StateParameter, returned: tuple[str, ...] = ()
) -> Callable[[SetUp], SetUp]:
    """Add the function below to the states."""

    def register(set_up: SetUp) -> SetUp:
        STATES.append(ProviderState(sentence, parameters, set_up, returned))
        return set_up

    return register


_ACCOUNT = StateParameter("accountId", int)
_SIRET = StateParameter("siret", str, "99050000100013")
_COMPANY = StateParameter("companyIdValue", str, "99050000100013")
_CODE = StateParameter("code", str, "ATT_VIGI")
_REFERENCE = StateParameter("reference", str, "PO-1")
_DOSSIER = (_REFERENCE, _SIRET, _ACCOUNT, StateParameter("dossierId", int))
_IDS = ("dossierId", "thirdpartyId", "accountId")

_TOKEN_CALLS = [row.name for row in OPERATIONS.values() if row.paths[0].startswith("/account")]
_ANY_CALL = {"operation": _TOKEN_CALLS}
_ANY_CALL_IN_ACCOUNT = {"operation": [name for name in _TOKEN_CALLS if name != "listAccounts"]}


@_state("a dossier with reference {reference} exists", *_DOSSIER, returned=_IDS)
def dossier_exists(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, if it does not exist."""
    return _with_dossier(sandbox, values, lambda _: [])


@_state(
    "a dossier with reference {reference} is archived",
    *_DOSSIER,
    StateParameter("reason", str, "STOPREQUEST"),
    returned=_IDS,
)
def dossier_is_archived(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and stop it."""
    patch = convert_plain({"stoppingReason": values["reason"]}, DossierPatch)
    return _with_dossier(sandbox, values, lambda dossier: [commands.ChangeDossier(dossier.dossier_id, patch)])


@_state("a dossier with reference {reference} is complete", *_DOSSIER, returned=_IDS)
def dossier_is_complete(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and answer each of its documents, without expiry."""
    file = evidences.Deposit(file_size=evidences.DEFAULT_FILE_SIZE)

    def answer_all(dossier: Dossier) -> list[commands.AnyCommand]:
        return [
            commands.DepositEvidence(dossier.dossier_id, document.code, file)
            for document in dossier.documents
        ]

    return _with_dossier(sandbox, values, answer_all)


@_state(
    "a document {code} of dossier {reference} is answered until {date}",
    *_DOSSIER,
    _CODE,
    StateParameter("date", date, date(2090, 12, 31)),
    returned=(*_IDS, "documentId", "fileId"),
)
def document_is_answered(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Create the dossier, and answer one document of it with a file that is valid until a day."""
    code, until = values["code"], evidences.last_day(values["date"])
    file = evidences.Deposit(file_size=evidences.DEFAULT_FILE_SIZE, expiration_date=until)
    ids: dict[str, int] = {}

    def answer(dossier: Dossier) -> list[commands.AnyCommand]:
        ids.update((document.code, document.document_id) for document in dossier.documents)
        if code not in ids:
            raise InputError("$.code", f"the dossier asks for {', '.join(ids)}, not for {code}")
        return [commands.DepositEvidence(dossier.dossier_id, code, file)]

    file_id = sandbox.read().next_ids.evidence
    returned = _with_dossier(sandbox, values, answer)
    return {**returned, "documentId": ids[code], "fileId": file_id}


@_state("there are no dossiers")
def no_dossiers(sandbox: ServerSandbox, _: Values) -> dict[str, Any]:
    """Remove the dossiers of all accounts."""
    sandbox.execute(commands.ClearDossiers())
    return {}


@_state("account {accountId} is inactive", _ACCOUNT, returned=("accountId",))
def account_is_inactive(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Deactivate the subscription of the account."""
    account_id = _account(sandbox.read(), values)
    sandbox.execute(commands.ChangeAccount(account_id, AccountChange(subscription_status="INACTIVE")))
    return {"accountId": account_id}


@_state("document type {code} is withdrawn", _CODE, _ACCOUNT)
def document_type_is_withdrawn(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Withdraw the document type, for one account or for all."""
    sandbox.execute(
        commands.ChangeRequirement(values["code"], withdrawn=True, account_id=values["accountId"])
    )
    return {}


@_state("third party {siret} is registered", _SIRET, returned=("thirdpartyId",))
def thirdparty_is_registered(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Register the third party on the platform, with a user."""
    patch = convert_plain({"siret": values["siret"]}, ThirdpartyPatch)
    return {"thirdpartyId": sandbox.execute(commands.RegisterThirdparty(patch)).thirdparty_id}


@_state("third party {siret} is out of business", _SIRET, returned=("thirdpartyId",))
def thirdparty_is_out_of_business(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Close the company; its dossiers stop."""
    patch = convert_plain({"siret": values["siret"], "outOfBusiness": True}, ThirdpartyPatch)
    return {"thirdpartyId": sandbox.execute(commands.RegisterThirdparty(patch, dated=False)).thirdparty_id}


@_state("the import of {companyIdValue} fails with {code}", _COMPANY, StateParameter("code", str, "E103"))
def import_fails(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Let the data provider fail for this company."""
    return _add_rule(sandbox, _import_of(values), {"process": {"fail": values["code"]}})


@_state("the import of {companyIdValue} never ends", _COMPANY)
def import_never_ends(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Let the data provider never answer for this company."""
    return _add_rule(sandbox, _import_of(values), {"process": {"hold": True}})


@_state("the API is down", StateParameter("status", int, 503))
def api_is_down(sandbox: ServerSandbox, values: Values) -> dict[str, Any]:
    """Answer every call of the API with this status; logins work."""
    body = {"message": "the API is down"}
    return _add_rule(sandbox, _ANY_CALL, {"respond": {"status": values["status"], "body": body}})


@_state("the access token is expired")
def token_is_expired(sandbox: ServerSandbox, _: Values) -> dict[str, Any]:
    """Treat the token of every call as expired."""
    return _add_rule(sandbox, _ANY_CALL, {"token": "expired"})


@_state("the rate limit is exceeded")
def rate_limit_is_exceeded(sandbox: ServerSandbox, _: Values) -> dict[str, Any]:
    """Reject every call in an account by the rate limit."""
    return _add_rule(sandbox, _ANY_CALL_IN_ACCOUNT, {"rateLimit": "exceeded"})


def _with_dossier(
    sandbox: ServerSandbox, values: Values, then: Callable[[Dossier], list[commands.AnyCommand]]
) -> dict[str, Any]:
    """Create the dossier of this third party and reference, if there is none, and execute `then` on it."""
    world, create = sandbox.read(), None
    dossier = _find_dossier(world, values)
    if dossier is None:
        members = {
            "dossierReference": values["reference"],
            "accountId": _account(world, values),
            **{name: values[name] for name in ("siret", "dossierId")},
        }
        create = commands.CreateDossier(convert_plain(members, DossierEntry))
        dossier_id = create.dossier.dossier_id or world.next_ids.dossier
        world = sandbox.preview(create).world
        dossier = find_portfolio(world, dossier_id).dossiers[dossier_id]
    sandbox.execute(commands.Together((*([create] if create else []), *then(dossier))))
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


def _account(world: World, values: Values) -> int:
    """Return the account of the parameters, or the default one."""
    account_id = values["accountId"] or world.admission.default_account
    if account_id is None:
        raise InputError("$.accountId", "there is no default account: name one")
    return int(account_id)


def _import_of(values: Values) -> dict[str, Any]:
    return {"operation": "importDossier", "body": {"companyIdValue": values["companyIdValue"]}}


def _add_rule(sandbox: ServerSandbox, when: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Add a rule, after those of earlier states."""
    name = f"provider state {len(sandbox.active_scenario.ad_hoc_rules) + 1}"
    rule = convert_plain({"name": name, "when": when, "then": then}, Rule)
    raise_first(rules_errors((rule,), "$"))
    sandbox.execute(commands.AddRules((rule,)))
    return {}
