"""The provider-state endpoint in the form in which Pact's verifiers call it: by body, or by query."""

from __future__ import annotations

import logging
from typing import Any, Literal

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.control.provider_states import State, meant
from mock_server.domain.errors import Rejected
from mock_server.fixtures.errors import InputError
from mock_server.sandbox import PARTS, Sandbox
from mock_server.web.services import named_sandbox

pact = Blueprint("pact", __name__)

_logger = logging.getLogger("mock_server.pact")
_RESET = tuple(part for part in PARTS if part != "journal")
_OWN = {"state", "action", "consumer", "sandbox"}
_TEXT = {"type": "string"}
_QUERY = {
    "state": _TEXT,
    "action": {"type": "string", "enum": ["setup", "teardown"]},
    "consumer": _TEXT,
}


class NamedState(Struct, forbid_unknown_fields=True):
    """A state with parameters of its own."""

    name: str
    params: dict[str, Any] | None = None


class StateChange(Struct, forbid_unknown_fields=True):
    """A `state` and its parameters, or all `states` of an interaction; an empty one is none."""

    state: str | None = None
    states: tuple[str | NamedState, ...] = ()
    params: dict[str, Any] | None = None
    action: Literal["setup", "teardown"] = "setup"
    consumer: str | None = None


@serves(pact, "POST /pact/states", body=StateChange, query=_QUERY)
def change_provider_state(wanted: StateChange) -> Response:
    """Put a provider state of Pact in place, or take it down; the ids it has made are answered.

    A setup after a teardown, or after a call of the API, begins with the fixture; setups that follow one
    another add up, and so do those of a list. The journal stays. Without a body, `state`, `action` and
    `consumer` are those of the query, and every other name in it is a parameter of the state.
    """
    change = _asked() if "state" in request.args or "action" in request.args else wanted
    found = named_sandbox()
    if change.action == "teardown":
        _begin_anew(found)
        return json_answer({})
    try:
        return json_answer(_set_up(found, change))
    except Problem as problem:  # a verifier tells the status alone
        _logger.warning("provider state refused: %s", problem.detail)
        raise


def _set_up(found: Sandbox, change: StateChange) -> dict[str, Any]:
    """Put the states in place; what they return together."""
    chosen = [meant(named.name, named.params or {}) for named in _named(change)]
    if change.states or found.pact_states_at != found.journal.last:
        _begin_anew(found)
    found.pact_states_at = None
    returned: dict[str, Any] = {}
    for state, given in chosen:
        returned |= _in_place(found, state, given)
    found.pact_states_at = found.journal.last
    return returned


def _asked() -> StateChange:
    """The change that the query says."""
    own = {name: value for name, value in request.args.items() if name in _OWN - {"sandbox"}}
    params = {name: value for name, value in request.args.items() if name not in _OWN}
    try:
        return msgspec.convert(own | {"params": params}, StateChange)
    except msgspec.ValidationError as mistake:
        raise Problem(f"the query does not fit: {mistake}") from None


def _named(change: StateChange) -> list[NamedState]:
    """The states, in the order in which they are put in place."""
    listed = [NamedState(each, change.params) if isinstance(each, str) else each for each in change.states]
    named = listed or [NamedState(change.state or "", change.params)]
    return [each for each in named if each.name]


def _begin_anew(found: Sandbox) -> None:
    found.reset(_RESET)
    found.pact_states_at = None


def _in_place(found: Sandbox, state: State, given: dict[str, Any]) -> dict[str, Any]:
    """What the state returns, now that it holds."""
    try:
        return state.deed(found, given)
    except (InputError, Rejected, msgspec.ValidationError) as mistake:
        raise Problem(f"the state {state.sentence!r} cannot be: {mistake}") from None
