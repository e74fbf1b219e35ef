"""Effects of a scenario's rules: before a call is carried out, and on its response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

import orjson
from flask import Request, Response
from msgspec import UNSET

from mock_server import delivery
from mock_server.delivery import Delivery
from mock_server.dialects import DIALECTS, wire
from mock_server.domain.names import camel, without_tag
from mock_server.domain.operations import Operation
from mock_server.json_body import json_bytes, parse_json
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.scenarios.active import AppliedRule
from mock_server.scenarios.file_format import (
    FAULTS,
    NO_EFFECT,
    DribbleDelay,
    FixedDelay,
    LognormalDelay,
    Respond,
    Then,
    UniformDelay,
)
from mock_server.scenarios.matching import ReceivedRequest
from mock_server.web.context import CONTEXT, RequestContext
from mock_server.web.responses import JSON_TYPE

RULE_HEADER = "X-Mock-Rule"

_MAX_DELAY = 3600.0
"""Seconds of the longest delay, also where a distribution would give a longer one."""

_PREFIX = re.compile(rf"^/(?:{'|'.join(DIALECTS)})(?=/api/)")
"""The prefix that selects a dialect. The path that rules match is without it."""


def run_with_rules(
    request: Request,
    operation: Operation,
    context: RequestContext,
    ids: Mapping[str, Any],
    carry_out: Callable[[Then], Response],
) -> Response:
    """Carry out the call with the effect of the first rule that matches it; mostly there is none."""
    if not context.sandbox.active_scenario.rules:
        return carry_out(NO_EFFECT)
    applied = context.sandbox.apply_rule(_received_request(request, operation, context, ids))
    if applied is None:
        return carry_out(NO_EFFECT)
    context.applied = applied
    then = applied.rule.then
    if then.respond is not None:
        return _scripted_response(then.respond)
    if then.fault is not None and not (then.carried_out or FAULTS[then.fault].needs_answer):
        return Response(f"{then.fault}: seen under the real server only", 502, content_type="text/plain")
    return carry_out(then)


def apply_rule_to_response(response: Response, applied: AppliedRule, environ: dict[str, Any]) -> Response:
    """Change the response as the rule says, and name the rule in an extra header."""
    then = applied.rule.then
    response.headers[RULE_HEADER] = wire.header_text(applied.rule.name)
    if then.patch is not UNSET and response.is_json:
        response.set_data(json_bytes(merge_patch(orjson.loads(response.get_data()), then.patch)))
    if then.fault == "MALFORMED_BODY":
        response.set_data(_malform(response.get_data()))
    if then.fault == "EMPTY_BODY":
        response.set_data(b"")
    environ[delivery.KEY] = _delivery(then, applied.random)
    return response


def rule_applied(request: Request) -> bool:
    """Whether a rule matched the call."""
    context: RequestContext | None = request.environ.get(CONTEXT)
    return context is not None and context.applied is not None


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch to the target (RFC 7396): null removes a member."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def _received_request(
    request: Request, operation: Operation, context: RequestContext, ids: Mapping[str, Any]
) -> ReceivedRequest:
    """Return the request in the form that rules match."""
    request.get_data()  # kept: the view finds its body although it is read as a form here
    return ReceivedRequest(
        operation=operation.name,
        method=request.method,
        path=_PREFIX.sub("", request.path),
        query=request.args,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request_body(request),
        ids={camel(name): value for name, value in ids.items()} | _thirdparty_in_path(context.sandbox, ids),
        user=without_tag(context.username) if context.username else None,
    )


def request_body(request: Request) -> Any:
    """The request body as JSON, None when it is not; the fields of a form as an object."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return request.form.to_dict()
    try:
        return parse_json(request.get_data())
    except ValueError:
        return None


def _thirdparty_in_path(sandbox: ServerSandbox, ids: Mapping[str, Any]) -> dict[str, int]:
    """The id of the third party of the dossier in the path, by its name; empty without a known dossier."""
    thirdparty_id = (
        sandbox.read().thirdparty_of(ids["account_id"], ids["dossier_id"]) if "dossier_id" in ids else None
    )
    return {} if thirdparty_id is None else {"thirdpartyId": thirdparty_id}


def _scripted_response(respond: Respond) -> Response:
    """Return the response of a rule: its body as JSON, or a text unchanged."""
    body = b"" if respond.body is UNSET else respond.body
    raw = body if isinstance(body, str | bytes) else json_bytes(body)
    response = Response(raw, respond.status, content_type=JSON_TYPE)
    for name, value in respond.headers.items():
        response.headers[name] = value
    return response


def _malform(body: bytes) -> bytes:
    """Replace the second half of a body, so that it is not JSON."""
    return body[: len(body) // 2] + b'{"\x00'


def _delivery(then: Then, random: Random) -> Delivery:
    fault = then.fault
    if isinstance(then.delay, DribbleDelay):
        spread = timedelta(milliseconds=then.delay.milliseconds)
        return Delivery(pieces=then.delay.chunks, spread=spread, fault=fault)
    return Delivery(delay=_delay(then.delay, random), fault=fault)


def _delay(delay: FixedDelay | UniformDelay | LognormalDelay | None, random: Random) -> timedelta:
    """Return a delay of this kind; a random one if it has a distribution."""
    if isinstance(delay, FixedDelay):
        seconds = delay.milliseconds / 1000
    elif isinstance(delay, UniformDelay):
        seconds = random.uniform(delay.lower, delay.upper) / 1000
    elif isinstance(delay, LognormalDelay):
        seconds = delay.median / 1000 * random.lognormvariate(0, delay.sigma)
    else:
        seconds = 0
    return timedelta(seconds=min(seconds, _MAX_DELAY))
