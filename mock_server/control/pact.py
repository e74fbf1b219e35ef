"""The provider states of Pact: the call that sets them up, by body or by query, and how it finds a state."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

import msgspec
from flask import Response, request
from msgspec import Struct

from mock_server.control.calls import route
from mock_server.control.pact_states import STATES, Parameter, ProviderState
from mock_server.control.problems import Problem, json_answer, rejection_text
from mock_server.domain.errors import Rejected
from mock_server.domain.names import nearest, shown
from mock_server.fixtures.decode_errors import explain_decode_error
from mock_server.fixtures.errors import InputError
from mock_server.sandbox import PARTS, ServerSandbox
from mock_server.sandbox.commands import MarkPactStates
from mock_server.web.services import named_sandbox

_logger = logging.getLogger("mock_server.pact")
_RESET = tuple(part for part in PARTS if part != "journal")
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
def change_provider_state(wanted: StateChange) -> Response:
    """Set up a provider state of Pact, or tear it down; return the ids that it created.

    A setup after a teardown, or after a call of the API, starts from the fixture; successive setups add up,
    and so do those of a list. The journal stays. Without a body, `state`, `action` and `consumer` are those
    of the query, and every other name in it is a parameter of the state.
    """
    change = _query_change() if "state" in request.args or "action" in request.args else wanted
    sandbox = named_sandbox()
    if change.action == "teardown":
        sandbox.reset(_RESET)
        sandbox.execute(MarkPactStates(None))
        return json_answer({})
    try:
        return json_answer(_set_up(sandbox, change))
    except Problem as problem:  # a verifier shows only the status
        _logger.warning("provider state rejected: %s", problem.detail)
        raise


def _set_up(sandbox: ServerSandbox, change: StateChange) -> dict[str, Any]:
    """Set up the states and return what they return, merged."""
    chosen = [find_state(named.name, named.params or {}) for named in _named(change)]
    if change.states or sandbox.state.pact_states_at != sandbox.journal.last:
        sandbox.reset(_RESET)
    sandbox.execute(MarkPactStates(None))
    returned: dict[str, Any] = {}
    for state, given in chosen:
        returned |= _set_up_state(sandbox, state, given)
    sandbox.execute(MarkPactStates(sandbox.journal.last))
    return returned


def _query_change() -> StateChange:
    """Read the change from the query."""
    members = {name: value for name, value in request.args.items() if name in _CALL_PARAMETERS - {"sandbox"}}
    params = {name: value for name, value in request.args.items() if name not in _CALL_PARAMETERS}
    try:
        return msgspec.convert(members | {"params": params}, StateChange)
    except msgspec.ValidationError as error:
        path, sentence = explain_decode_error(str(error), members, StateChange)
        raise Problem(f"the query is invalid: {path}: {sentence}") from None


def _named(change: StateChange) -> list[NamedState]:
    """Return the states, in the order in which they are set up."""
    listed = [NamedState(each, change.params) if isinstance(each, str) else each for each in change.states]
    named = listed or [NamedState(change.state or "", change.params)]
    return [each for each in named if each.name]


def _set_up_state(sandbox: ServerSandbox, state: ProviderState, values: dict[str, Any]) -> dict[str, Any]:
    """Set up one state and return what it returns."""
    try:
        return state.set_up(sandbox, values)
    except (InputError, Rejected) as error:
        reason = rejection_text(error) if isinstance(error, Rejected) else str(error)
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
    raise Problem(f"there is no state {shown(name)}; {_hint(name, [state.sentence for state in STATES])}")


def _values_in(name: str, sentence: str) -> dict[str, str] | None:
    """Return the values at the places of the parameters; None if it is another sentence."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+)", re.escape(sentence))
    found = re.fullmatch(pattern, name)
    return None if found is None else found.groupdict()


def _parameter_values(
    state: ProviderState, in_name: Mapping[str, str], params: Mapping[str, Any]
) -> dict[str, Any]:
    known = {parameter.name: parameter for parameter in state.parameters}
    for name, value in params.items():
        if name not in known:
            hint = _hint(name, known)
            raise Problem(f"the state {state.sentence!r} has no parameter {shown(name)}; {hint}")
        if in_name.get(name, str(value)) != str(value):
            raise Problem(f"the sentence has {name} {in_name[name]}, and the parameter has {value}")
    given = {**in_name, **params}
    return {
        name: parameter.default if given.get(name) is None else _read(parameter, given[name])
        for name, parameter in known.items()
    }


def _read(parameter: Parameter, value: Any) -> Any:
    text = str(value)
    try:
        return date.fromisoformat(text) if parameter.kind is date else parameter.kind(text)
    except ValueError:
        message = f"the parameter {parameter.name} is {_KINDS[parameter.kind]}, not {shown(value)}"
        raise Problem(message) from None


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = nearest(name, names)
    advice = f"did you mean {near!r}? " if near else ""
    return f"{advice}There are: {'; '.join(names) or 'none'}"
