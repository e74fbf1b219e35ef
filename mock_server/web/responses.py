"""Answers of the emulated API: envelope, pages, results, and the two error formats (behaviour.md 2, 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson
from flask import Response, request

from mock_server.dialects import Json, wire
from mock_server.domain.errors import NOT_FOUND, Refusal
from mock_server.domain.paging import Page
from mock_server.journal import page_facts, refusal_facts
from mock_server.web.context import CALLER, Call, Caller, current
from mock_server.web.services import services

JSON_TYPE = "application/json;charset=UTF-8"
REFUSAL_HEADER = "X-Mock-Refusal"

_STREAM_AT_ONCE = 50


class _Ready(Response):
    """An answer of ready bytes, which goes out as it stands: Werkzeug would look for what to mend in it."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As WSGI wants it."""
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.iter_encoded()


def json_response(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A body already made of plain JSON values."""
    ready = orjson.dumps(body)
    response = _Ready(ready, status, headers, content_type=JSON_TYPE)
    response.headers["Content-Length"] = str(len(ready))
    return response


def content(rendered: Json) -> Response:
    """The envelope around an object or a list."""
    return json_response({"content": rendered})


def page(call: Call, found: Page[Any], rows: Sequence[Json]) -> Response:
    """The envelope of a page; a search without any hit as the variant `emptySearch` says.

    behaviour.md 2, 8 (documented), C7.
    """
    call.facts.extend(page_facts(found.number, found.size, found.total_elements))
    if not found.total_elements and call.variants["emptySearch"] == "not-found":
        criteria = "&".join(f"{name}={value}" for name, value in request.args.items())
        return refused([Refusal(NOT_FOUND, None, (criteria,))], 404)
    return json_response(
        {"content": rows, "page": found.number, "size": found.size, "totalElements": found.total_elements}
    )


def stream(rows: Iterable[Json]) -> Response:
    """The envelope of a list of any length, made as it is sent, so that a long one holds nobody up."""
    return Response(_envelope(iter(rows)), content_type=JSON_TYPE)


def accepted(call: Call) -> Response:
    """The result of a command that was carried out. behaviour.md 3.0 (carried-over), C33."""
    return content(call.dialect.result((), request.path))


def refused_command(refusals: Sequence[Refusal]) -> Response:
    """The result of a command that a rule refused: status as the variant `refusals` says. behaviour.md C5."""
    call = current()
    call.facts.extend(refusal_facts(refusals))
    result = call.dialect.result(refusals, request.path)
    status = 200 if call.variants["refusals"] == "result" else 400
    body = {"content": result, "messages": {"error": result["errors"]}}
    return json_response(body, status, _refusal_header(refusals))


def refused(refusals: Sequence[Refusal], status: int) -> Response:
    """An error in the business format: no content, refusals as messages. behaviour.md 11.1 (documented)."""
    call = current()
    call.facts.extend(refusal_facts(refusals))
    messages = [call.dialect.message(refusal, request.path) for refusal in refusals]
    return json_response({"messages": {"error": messages}}, status, _refusal_header(refusals))


def protocol_error(
    status: int, reason: str, message: str | None, headers: dict[str, str] | None = None
) -> Response:
    """An error in the protocol format, dated by the caller's sandbox. behaviour.md 11.2 (documented)."""
    caller: Caller | None = request.environ.get(CALLER)
    sandbox = services().sandboxes.get() if caller is None else caller.sandbox
    body = {
        "timestamp": wire.zoned(sandbox.clock.now()),
        "status": status,
        "error": reason,
        "message": message or "No message available",
        "path": request.path,
    }
    return json_response(body, status, headers)


def _refusal_header(refusals: Sequence[Refusal]) -> dict[str, str]:
    """Codes and values of a refusal, which v1.1 has no member for; ASCII, since it is a header."""
    code = current().dialect.error
    words = [f"{code(refusal)} {wire.reason(refusal)}".strip() for refusal in refusals]
    return {REFUSAL_HEADER: wire.header_text("; ".join(words))}


def _envelope(rows: Iterator[Json]) -> Iterator[bytes]:
    yield b'{"content":['
    separator = b""
    while several := list(islice(rows, _STREAM_AT_ONCE)):
        yield separator + orjson.dumps(several)[1:-1]
        separator = b","
    yield b"]}"
