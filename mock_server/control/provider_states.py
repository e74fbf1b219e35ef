"""The provider states of Pact: one table of domain sentences, and which of them a verifier means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from mock_server.control import provider_behaviour as behaviour
from mock_server.control import provider_content as content
from mock_server.control.problems import Problem
from mock_server.domain.spelling import nearest
from mock_server.sandbox import Sandbox

Deed = Callable[[Sandbox, Mapping[str, Any]], dict[str, Any]]
_KINDS = {int: "an integer", str: "a text", date: "a date such as 2090-12-31"}


class Parameter(Struct, frozen=True):
    """What a state may be told: its name, and its type and value where it is not."""

    name: str
    kind: type
    default: Any = None


class State(Struct, frozen=True):
    """A sentence, its parameters, what puts it in place, and what that returns for injection."""

    sentence: str
    parameters: tuple[Parameter, ...]
    deed: Deed
    returned: tuple[str, ...] = ()


ACCOUNT = Parameter("accountId", int)
SIRET = Parameter("siret", str, "99050000100013")
COMPANY = Parameter("companyIdValue", str, "99050000100013")
CODE = Parameter("code", str, "ATT_VIGI")
REFERENCE = Parameter("reference", str, "PO-1")
DOSSIER = (REFERENCE, SIRET, ACCOUNT, Parameter("dossierId", int))
IDS = ("dossierId", "thirdpartyId", "accountId")

STATES: tuple[State, ...] = (
    State("a dossier with reference {reference} exists", DOSSIER, content.exists, IDS),
    State(
        "a dossier with reference {reference} is archived",
        (*DOSSIER, Parameter("reason", str, "STOPREQUEST")),
        content.archived,
        IDS,
    ),
    State("a dossier with reference {reference} is complete", DOSSIER, content.complete, IDS),
    State(
        "a document {code} of dossier {reference} is answered until {date}",
        (*DOSSIER, CODE, Parameter("date", date, date(2090, 12, 31))),
        content.answered,
        (*IDS, "documentId", "fileId"),
    ),
    State("there are no dossiers", (), content.no_dossiers),
    State("account {accountId} is inactive", (ACCOUNT,), content.inactive, ("accountId",)),
    State("document type {code} is withdrawn", (CODE, ACCOUNT), content.withdrawn),
    State("third party {siret} is registered", (SIRET,), content.registered, ("thirdpartyId",)),
    State("third party {siret} is out of business", (SIRET,), content.out_of_business, ("thirdpartyId",)),
    State(
        "the import of {companyIdValue} fails with {code}",
        (COMPANY, Parameter("code", str, "E103")),
        behaviour.import_fails,
    ),
    State("the import of {companyIdValue} never ends", (COMPANY,), behaviour.import_hangs),
    State("the API is down", (Parameter("status", int, 503),), behaviour.down),
    State("the access token is expired", (), behaviour.token_expired),
    State("the rate limit is exceeded", (), behaviour.rate_limited),
)
"""Every state that a consumer may name."""


def meant(name: str, params: Mapping[str, Any]) -> tuple[State, dict[str, Any]]:
    """The state that a sentence names, as it is listed or with values in it, and all its parameters.

    Raises:
        Problem: there is no such state or parameter, or a value that does not fit.
    """
    for state in STATES:
        said = {} if name == state.sentence else _said(state.sentence, name)
        if said is not None:
            return state, _values(state, said, params)
    raise Problem(f"there is no state {name!r}; {_hint(name, [state.sentence for state in STATES])}")


def _said(sentence: str, name: str) -> dict[str, str] | None:
    """The values that stand in the place of parameters; None if it is another sentence."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+)", re.escape(sentence))
    found = re.fullmatch(pattern, name)
    return None if found is None else found.groupdict()


def _values(state: State, said: Mapping[str, str], params: Mapping[str, Any]) -> dict[str, Any]:
    known = {parameter.name: parameter for parameter in state.parameters}
    for name, value in params.items():
        if name not in known:
            hint = _hint(name, known)
            raise Problem(f"the state {state.sentence!r} has no parameter {name!r}; {hint}")
        if said.get(name, str(value)) != str(value):
            raise Problem(f"the state says {name} {said[name]}, and its parameter {value}")
    given = {**said, **params}
    return {
        name: parameter.default if given.get(name) is None else _read(parameter, given[name])
        for name, parameter in known.items()
    }


def _read(parameter: Parameter, value: Any) -> Any:
    text = str(value)
    try:
        return date.fromisoformat(text) if parameter.kind is date else parameter.kind(text)
    except ValueError:
        message = f"the parameter {parameter.name} is {_KINDS[parameter.kind]}, not {value!r}"
        raise Problem(message) from None


def _hint(name: str, known: Iterable[str]) -> str:
    there_are = list(known)
    near = nearest(name, there_are)
    advice = f"did you mean {near!r}? " if near else ""
    return f"{advice}There are: {'; '.join(there_are) or 'none'}"
