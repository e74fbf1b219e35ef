"""The table of control calls: a view declares its route, body and answer once, for Flask and OpenAPI.

The body is JSON, or the YAML text of a file; the query has numbers and words. An error names its place.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from flask import Response, request
from msgspec import Struct

from mock_server.control.problems import Problem
from mock_server.decode_errors import explain_decode_error
from mock_server.domain.names import nearest, shown
from mock_server.json_body import CompressedBodyError, check_depth, check_keys, check_size, decode_body
from mock_server.sandbox.sandboxes import DEFAULT_SANDBOX
from mock_server.settings import (
    CONTROL_PREFIX,
    DASHBOARD_PATH,
    DOCS_PATH,
    HEALTH_PATH,
    SANDBOX_HEADER,
    is_slow_call,
)

View = TypeVar("View", bound=Callable[..., Response])
T = TypeVar("T")

_PATH_VARIABLE = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_LONGEST_NUMBER = 18
_EMPTY_BODIES = {b"", b"{}", b"null"}
_PAGES = {"metrics", *(path.split("/")[2] for path in (DASHBOARD_PATH, DOCS_PATH, HEALTH_PATH))}

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")
MAX_YAML_BYTES = 1_000_000
MAX_VALUES = 10_000
"""JSON values in the body of a call that runs on the event loop: more would hold up other clients."""

SANDBOX_PARAMETER = "sandbox"
"""The query parameter of a sandboxed call that names its sandbox."""


class YamlText(Struct, frozen=True):
    """A YAML body, unread, because an error in it is reported with its line."""

    text: str


class ControlCall(Struct, frozen=True, kw_only=True):
    """One call. `rule` is its path as Flask writes it; `sandboxed` calls are about one sandbox.

    `summary` and `description` come from the docstring of the view. `body` and `yaml` are the types of a JSON
    and of a YAML body, None without one. `query` has the JSON Schema of each parameter.
    """

    name: str
    method: str
    rule: str
    view: Callable[..., Response]
    summary: str
    description: str
    body: Any
    yaml: Any
    status: int
    media_type: str
    sandboxed: bool
    query: Mapping[str, Any]
    open_with: tuple[str, ...]

    @property
    def parameters(self) -> list[str]:
        """The names of its query parameters."""
        return [*self.query, *([SANDBOX_PARAMETER] if self.sandboxed else [])]

    @property
    def is_page(self) -> bool:
        """Whether a browser or a monitor calls it, which may add query parameters."""
        return self.path.split("/")[1] in _PAGES

    @property
    def path(self) -> str:
        """The rule as OpenAPI writes it: `/dossiers/{dossier_id}`."""
        return _PATH_VARIABLE.sub(r"{\g<name>}", self.rule)

    @property
    def ids(self) -> dict[str, type]:
        """The names in the path, and the type of each."""
        matches = _PATH_VARIABLE.finditer(self.rule)
        return {match["name"]: int if match["converter"] == "int" else str for match in matches}


CALLS: list[ControlCall] = []
"""Every control call, in the order in which the modules are imported."""


def route(  # noqa: PLR0913  # one argument per fact about a call
    method_and_path: str,
    *,
    body: Any = None,
    yaml: Any = None,
    status: int = 200,
    media_type: str = "application/json",
    sandboxed: bool = True,
    query: Mapping[str, Any] = MappingProxyType({}),
    open_with: tuple[str, ...] = (),
) -> Callable[[View], View]:
    """Add the view below to the table, with its route: `POST /dossiers/<int:dossier_id>`.

    The ids of the path are passed by name. The JSON body, decoded as the type `body`, is the first argument;
    a YAML body is passed as `YamlText`, where `yaml` has the type that it must have. `status` and
    `media_type` are those of the answer; `query` has a JSON Schema for each parameter; with one
    of `open_with`, the query may have any other as well. The docstring documents the call.
    """
    method, _, rule = method_and_path.partition(" ")

    def register(view: View) -> View:
        text = inspect.cleandoc(view.__doc__ or "")
        CALLS.append(
            ControlCall(
                name=view.__name__,
                method=method,
                rule=rule,
                view=view if body is None else _with_body(view, body, yaml),
                summary=text.partition("\n")[0],
                description=text.partition("Raises:")[0].partition("\n")[2].strip(),
                body=body,
                yaml=yaml,
                status=status,
                media_type=media_type,
                sandboxed=sandboxed,
                query=query,
                open_with=open_with,
            )
        )
        return view

    return register


def _with_body(view: Callable[..., Response], body: Any, yaml: Any) -> Callable[..., Response]:
    def call_with_body(**ids: Any) -> Response:
        return view(_read_body(body, takes_yaml=yaml is not None), **ids)

    return call_with_body


def _read_body(kind: type[T], *, takes_yaml: bool) -> T | YamlText:
    """Return the request's JSON body as `kind`, or its YAML text; an empty body is an empty object.

    Raises:
        Problem: it is compressed, not UTF-8, not JSON, too large for this call, or not of that type.
    """
    raw = _plain_bytes()
    if takes_yaml and request.mimetype in YAML_TYPES:
        if len(raw) > MAX_YAML_BYTES:
            raise Problem(f"the YAML is larger than {MAX_YAML_BYTES} bytes: send JSON", 413)
        return YamlText(raw.decode())
    raw = raw or b"{}"
    if not is_slow_call(request.method, request.path, ""):
        _check_size(raw)
    try:
        check_depth(raw)
        return _decode(raw, kind)
    except msgspec.DecodeError as error:
        raise Problem(_not_json(raw, str(error), takes_yaml=takes_yaml)) from None
    except (ValueError, RecursionError) as error:
        raise Problem(f"the body is invalid: {error}") from None


def _check_size(raw: bytes) -> None:
    try:
        check_size(raw, MAX_VALUES)
    except ValueError as error:
        remedy = "make several calls, or load a fixture, a scenario or a state, which takes more"
        raise Problem(f"the body has {error}, the most that this call accepts: {remedy}") from None


def _plain_bytes() -> bytes:
    try:
        return decode_body(request.get_data(), request.headers.get("Content-Encoding", ""))
    except CompressedBodyError as error:
        raise Problem(str(error), 415) from None
    except ValueError as error:
        raise Problem(str(error)) from None


def _not_json(raw: bytes, error: str, *, takes_yaml: bool) -> str:
    reason = error.removeprefix("JSON is malformed: ")
    if _HALF_PAIR.search(raw):
        reason = "half of a surrogate pair is not a character: write both halves, or the character itself"
    if takes_yaml and not raw.lstrip().startswith((b"{", b"[")):
        return f"the body is not JSON ({reason}); to send YAML, set Content-Type: {YAML_TYPES[0]}"
    return f"the body is not JSON: {reason}"


def _decode(raw: bytes, kind: type[T]) -> T:
    """Decode JSON as this type.

    Raises:
        Problem: it is of another type.
        ValueError: a key is given twice.
        msgspec.DecodeError: it is not JSON, also where a wrong type comes first.
    """
    try:
        body = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        path, sentence = explain_decode_error(str(error), msgspec.json.decode(raw), kind)
        raise Problem(f"the body is invalid: {path}: {sentence}") from None
    check_keys(raw)
    return body


def check_query(call: ControlCall) -> None:
    """Check the names in the query of a request for this call, and that it names one sandbox at most.

    Raises:
        Problem: a parameter is unknown or given twice, or the name of the sandbox is empty.
    """
    if call.is_page:
        return
    allowed, is_open = call.parameters, any(name in request.args for name in call.open_with)
    for name, values in request.args.lists():
        if name not in allowed and not is_open:
            raise Problem(_unknown_parameter(name, call))
        if len(values) > 1:
            raise Problem(f"the query parameter {shown(name)} is given {len(values)} times: give it once")
    if call.sandboxed:
        _check_sandbox_names(request.headers.get(SANDBOX_HEADER), request.args.get(SANDBOX_PARAMETER))


def check_no_body(call: ControlCall) -> None:
    """Check that a request for a call without a body has none: `{"name": "a"}` would delete every rule.

    Raises:
        Problem: it has one that is not empty.
    """
    if call.is_page or call.body is not None or request.get_data().strip() in _EMPTY_BODIES:
        return
    remedy = f"give {' or '.join(call.query)} in the query" if call.query else "remove it"
    raise Problem(f"{call.method} {CONTROL_PREFIX}{call.path} takes no body: {remedy}")


def _unknown_parameter(name: str, call: ControlCall) -> str:
    unknown = f"{call.method} {CONTROL_PREFIX}{call.path} has no query parameter {shown(name)}"
    near = nearest(name, call.parameters)
    allowed = f"it has {', '.join(call.parameters)}" if call.parameters else "it has none"
    return f"{unknown}; {allowed}" + (f"; did you mean {near!r}?" if near else "")


def _check_sandbox_names(header: str | None, parameter: str | None) -> None:
    if "" in {header, parameter}:
        place = f"the header {SANDBOX_HEADER}" if header == "" else "the query parameter sandbox"
        raise Problem(f"{place} is empty: name a sandbox, or leave it out for {DEFAULT_SANDBOX!r}")
    if header and parameter and header != parameter:
        raise Problem(
            f"the header {SANDBOX_HEADER} names {shown(header)}, and the query {shown(parameter)}:"
            " name one sandbox"
        )


def is_number(text: str) -> bool:
    """Whether the text is a number of at most 18 digits: all these fit into 64 bits."""
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER


def query_number(name: str) -> int | None:
    """Return a query parameter that is a number, None where it is not given.

    Raises:
        Problem: it is not a number.
    """
    text = request.args.get(name)
    if text is None:
        return None
    if not is_number(text):
        length = f" of at most {_LONGEST_NUMBER} digits," if text.isascii() and text.isdecimal() else ""
        raise Problem(f"{name} is a number{length} such as 10, not {shown(text)}")
    return int(text)


def choice_of(words: Sequence[str], description: str) -> dict[str, Any]:
    """Return the schema of a query parameter that is one of these words, which `query_choice` reads."""
    return {"type": "string", "enum": [*words], "default": words[0], "description": description}


def query_choice(name: str, words: Sequence[str]) -> str:
    """Return a query parameter that is one of these words, the first one where it is not given.

    Raises:
        Problem: it is another one.
    """
    word = request.args.get(name, words[0])
    if word not in words:
        raise Problem(f"{name} is {', '.join(words[:-1])} or {words[-1]}, not {shown(word)}")
    return word
