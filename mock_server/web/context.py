"""The context of one request: user, sandbox, and the call that a view answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from flask import Request, request
from msgspec import Struct, field
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from mock_server.auth.tokens import Token
from mock_server.dialects import Dialect, Json
from mock_server.domain.model import DEFAULT_OUTCOME, ImportPlan
from mock_server.domain.names import camel, snake
from mock_server.domain.operations import Operation
from mock_server.domain.variants import Variants
from mock_server.domain.world import World
from mock_server.journal.coverage import Fact
from mock_server.journal.hints import Hint
from mock_server.json_body import CompressedBodyError, decode_body, parse_json
from mock_server.sandbox.commands import Command
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.scenarios.active import AppliedRule

Result = TypeVar("Result")


class Call(Struct, frozen=True, eq=False):
    """An authorized call: all input of a view.

    `request` is not Flask's proxy, which costs half a µs at every access. `accounts` are the ids that the
    token opens, None for every account. `world` is the sandbox's at `now`, for views that only read. `plan`
    is the outcome that a rule gives to an import. `facts` are those of the answer, for the journal.
    """

    request: Request
    operation: Operation
    dialect: Dialect
    sandbox: ServerSandbox
    accounts: tuple[int, ...] | None
    variants: Variants
    world: World
    now: datetime
    plan: ImportPlan = DEFAULT_OUTCOME
    facts: list[Fact] = field(default_factory=list)

    def execute(self, command: Command[Result]) -> Result:
        """Execute a command of this call, and return its result."""
        return self.sandbox.execute(command, in_request=True)


class RequestContext(Struct, eq=False):
    """The sandbox and the token of a request; the token is None under `--auth off`, and for a login.

    An expired token also names its sandbox and its user. `applied` is the rule that matched, if any; `call`
    is set after authorization. `calls_left` is how many calls the rate limit still allows, None without a
    limit. `hints` are the warnings of strict mode.
    """

    sandbox: ServerSandbox
    token: Token | None
    username: str | None = None
    applied: AppliedRule | None = None
    call: Call | None = None
    calls_left: int | None = None
    hints: tuple[Hint, ...] = ()


CONTEXT = "mock_server.context"
"""The key of the `RequestContext` in the environ. Flask's `g` costs a µs more at every access."""

_MAX_CACHED_QUERIES = 1024
_MAX_CACHED_LENGTH = 300
"""The cache of query strings: how many it has, and the characters of the longest one."""

_queries: dict[tuple[str, str], Mapping[str, str]] = {}


def current_call() -> Call:
    """Return the authorized call of the current request, for error handlers."""
    call: Call = request.environ[CONTEXT].call
    return call


def query(call: Call) -> Mapping[str, str]:
    """Return the query parameters by their Python names, without those unknown to the dialect.

    If a parameter occurs twice, the first one counts.
    """
    raw: str = call.request.environ["QUERY_STRING"]
    if not raw:
        return {}
    key = raw, call.dialect.name
    parameters = _queries.get(key)
    if parameters is None:
        ignored = call.dialect.ignored_parameters
        parameters = {snake(name): value for name, value in call.request.args.items() if name not in ignored}
        if len(raw) <= _MAX_CACHED_LENGTH:
            if len(_queries) >= _MAX_CACHED_QUERIES:
                _queries.clear()
            _queries[key] = parameters
    return parameters


def body(call: Call) -> Json:
    """Return the JSON body, or None if it is empty; its JSON types are those of the contract.

    Raises:
        UnsupportedMediaType: the body is not declared as JSON, or is compressed.
        BadRequest: the body is not UTF-8, not JSON, or has other types.

    behaviour.md 3.0, 11.2 (inferred).
    """
    request = call.request
    raw = request.get_data()
    if not raw:
        return None
    if not request.is_json:
        raise UnsupportedMediaType(f"Content type '{request.content_type or ''}' not supported")
    try:
        parsed = parse_json(decode_body(raw, request.headers.get("Content-Encoding", "")))
    except CompressedBodyError as problem:
        raise UnsupportedMediaType(str(problem)) from None
    except ValueError as problem:
        raise BadRequest(f"JSON parse error: {problem}") from None
    from mock_server.contract import body_error  # a start does not need it

    error = body_error(call.operation.name, parsed)
    if error:
        raise BadRequest(f"JSON parse error: {error}")
    return parsed


def required_body(call: Call) -> Json:
    """Return the JSON body of an operation that requires one.

    Raises:
        UnsupportedMediaType: as `body`.
        BadRequest: as `body`, or the body is empty.
    """
    parsed = body(call)
    if parsed is None:
        raise BadRequest("Required request body is missing")
    return parsed


def members(parsed: Json, names: tuple[str, ...]) -> dict[str, Json]:
    """Return the members of an object that have one of these Python names and are not null."""
    json_object = parsed or {}
    # Not a loop over the members of the body: the unknown ones may be many.
    values = {name: json_object.get(camel(name)) for name in names}
    return {name: value for name, value in values.items() if value is not None}
