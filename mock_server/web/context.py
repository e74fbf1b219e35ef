"""One call of the emulated API: by whom, in which sandbox, which operation, in which dialect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import request
from msgspec import Struct, field
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from mock_server.auth.tokens import Token
from mock_server.contract import body_mistake
from mock_server.dialects import Dialect, Json
from mock_server.domain.operations import Operation
from mock_server.domain.process import BY_ITSELF, Course
from mock_server.domain.spelling import snake
from mock_server.domain.variants import Variants
from mock_server.domain.world import World
from mock_server.journal import Fact
from mock_server.nesting import parsed_json
from mock_server.sandbox import Sandbox
from mock_server.scenarios import Application


class Call(Struct, frozen=True, eq=False):
    """What the views of the API work with; made before the view runs.

    `accounts` None opens every account. `world` is the sandbox's at `now`, for those who only read it.
    `course` is the one that a rule gives to an import. `facts` is what the answer tells, for the journal.
    """

    operation: Operation
    dialect: Dialect
    sandbox: Sandbox
    accounts: tuple[int, ...] | None
    variants: Variants
    world: World
    now: datetime
    course: Course = BY_ITSELF
    facts: list[Fact] = field(default_factory=list)


CALLER = "mock_server.caller"
"""Where the environ has the `Caller`. Flask's `g` would do as well, and cost a µs more at every access."""


class Caller(Struct, eq=False):
    """Who calls, known before anything is judged: the sandbox, and the token, None where none is asked for.

    A token names its sandbox and its user even when it has expired. `applied` is the rule that bends the
    call, if there is one; `call` is there once the caller is let in.
    """

    sandbox: Sandbox
    token: Token | None
    username: str | None = None
    applied: Application | None = None
    call: Call | None = None


def current() -> Call:
    """The call that is being served, for those who answer what went wrong in it."""
    call: Call = request.environ[CALLER].call
    return call


def query(call: Call) -> Mapping[str, str]:
    """The query parameters under their Python names, less those unknown to the dialect.

    Of one given twice the first counts.
    """
    if not request.query_string:
        return {}
    ignored = call.dialect.ignored_parameters
    return {snake(name): value for name, value in request.args.items() if name not in ignored}


def body(call: Call) -> Json:
    """The JSON body, None when there is not a byte of it; its JSON types are those of the contract.

    Raises:
        UnsupportedMediaType: not empty and not declared as JSON.
        BadRequest: not JSON, or of other types.

    behaviour.md 3.0, 11.2 (inferred).
    """
    raw = request.get_data()
    if not raw:
        return None
    if not request.is_json:
        raise UnsupportedMediaType(f"Content type '{request.content_type or ''}' not supported")
    try:
        parsed = parsed_json(raw)
    except ValueError as problem:
        raise BadRequest(f"JSON parse error: {problem}") from None
    mistake = body_mistake(call.operation.name, parsed)
    if mistake:
        raise BadRequest(f"JSON parse error: {mistake}")
    return parsed


def required_body(call: Call) -> Json:
    """As `body`, for an operation that cannot do without.

    Raises:
        BadRequest: there is none.
    """
    parsed = body(call)
    if parsed is None:
        raise BadRequest("Required request body is missing")
    return parsed


def members(parsed: Json, names: tuple[str, ...]) -> dict[str, Json]:
    """The members of an object that have one of these Python names and are not null."""
    named = {snake(name): value for name, value in (parsed or {}).items()}
    return {name: named[name] for name in names if named.get(name) is not None}
