"""The journal as text: a line per request, what was sent, and of a refusal what was answered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from mock_server.client import RecordedRequest

_MOST = 50
"""Requests that are told, the latest."""
_LONGEST = 300
"""Characters of a body that are told."""


def told(requests: Sequence[RecordedRequest]) -> str:
    """What was asked and answered, oldest first."""
    if not requests:
        return "the client made no request"
    left_out = len(requests) - _MOST
    head = [f"... {left_out} earlier ones"] if left_out > 0 else []
    return "\n".join([*head, *(line for request in requests[-_MOST:] for line in _lines(request))])


def _lines(request: RecordedRequest) -> Iterator[str]:
    query = "&".join(f"{name}={value}" for name, value in request["query"].items())
    asked = f"{request['method']} {request['path']}{'?' if query else ''}{query}"
    words = [request["operation"] or "-", asked, "->", str(request.get("fault") or request["status"])]
    rule = [f"(rule: {request['rule']})"] if request["rule"] else []
    yield " ".join([f"{request['number']:>3}", *words, *request["codes"], *rule])
    if request["body"] is not None:
        yield f"      sent      {_short(request['body'])}"
    if request["codes"] or (request["status"] or 0) >= HTTPStatus.BAD_REQUEST:
        yield f"      answered  {_short(request['answer'])}"
    for warning in request["warnings"]:
        yield f"      note      {warning}"


def _short(body: object) -> str:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
