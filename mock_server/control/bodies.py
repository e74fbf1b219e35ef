"""Reading the body of a control call: JSON, or the YAML text of a file; what is wrong is named exactly."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from flask import request
from msgspec import Struct

from mock_server.control.problems import Problem
from mock_server.fixtures.decode_errors import explain_decode_error
from mock_server.json_body import CompressedBodyError, check_depth, check_size, decode_body
from mock_server.settings import is_slow_call

T = TypeVar("T")

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")
MAX_YAML_BYTES = 1_000_000
MAX_VALUES = 10_000
"""JSON values in the body of a call that runs on the event loop: more would hold up other clients."""


class YamlText(Struct, frozen=True):
    """A YAML body, unread, because an error in it is reported with its line."""

    text: str


def read_body(kind: type[T], *, takes_yaml: bool) -> T | YamlText:
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
    if takes_yaml and not raw.lstrip().startswith((b"{", b"[")):
        return f"the body is not JSON ({reason}); to send YAML, set Content-Type: {YAML_TYPES[0]}"
    return f"the body is not JSON: {reason}"


def _decode(raw: bytes, kind: type[T]) -> T:
    """Decode JSON as this type.

    Raises:
        Problem: it is of another type.
        msgspec.DecodeError: it is not JSON, also where a wrong type comes first.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        path, sentence = explain_decode_error(str(error), msgspec.json.decode(raw), kind)
        raise Problem(f"the body is invalid: {path}: {sentence}") from None
