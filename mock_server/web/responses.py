"""Responses of the emulated API: JSON, the envelope around content, pages and lists (behaviour.md 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import orjson
from flask import Response

from mock_server.dialects import Json
from mock_server.domain.errors import NOT_FOUND, NotFound, Refusal
from mock_server.domain.search import Page
from mock_server.journal.coverage import page_facts
from mock_server.journal.redaction import redact_json
from mock_server.json_body import json_bytes
from mock_server.web.context import Call

Entity = TypeVar("Entity")

JSON_TYPE = "application/json;charset=UTF-8"

_ROWS_AT_ONCE = 100  # rows that a stream renders before other calls continue: about 2 ms


class _RawResponse(Response):
    """A complete response, sent as it is: Werkzeug would look for headers to correct."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Send the response, as WSGI requires."""
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.response  # type: ignore[return-value]  # bytes


def json_response(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with this JSON body."""
    return _raw_response(json_bytes(body), status, headers)


def _raw_response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    response = _RawResponse([body], status, headers, content_type=JSON_TYPE)
    # Werkzeug would search for the header before it sets it.
    response.headers.add("Content-Length", str(len(body)))
    return response


def oauth_error(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Response:
    """An error of the authorisation server, in Keycloak's format. behaviour.md 1.2 (inferred)."""
    return json_response({"error": error, "error_description": description}, status, headers)


def content(rendered: Json | bytes) -> Response:
    """The envelope around an object or a list; bytes are JSON already."""
    inner = rendered if isinstance(rendered, bytes) else orjson.dumps(rendered)
    return _raw_response(b'{"content":%b}' % inner)


def page(call: Call, hits: Page[Any], rows: Iterable[bytes]) -> Response:
    """The envelope of a page: `hits` has its numbers, `rows` the JSON of its hits.

    Raises:
        NotFound: NOT_FOUND, no hit on any page, where the variant `emptySearch` says so.

    behaviour.md 2, 8 (documented), C7.
    """
    call.facts.extend(page_facts(hits.number, hits.size, hits.total_elements))
    if not hits.total_elements and call.variants["emptySearch"] == "not-found":
        criteria = "&".join(
            f"{name}={value}" for name, value in redact_json(call.request.args.to_dict()).items()
        )
        raise NotFound(Refusal(NOT_FOUND, None, (criteria,)))
    numbers = hits.number, hits.size, hits.total_elements
    body = b'{"content":[%b],"page":%d,"size":%d,"totalElements":%d}' % (b",".join(rows), *numbers)
    return _raw_response(body)


def stream(entities: Iterable[Entity], render: Callable[[Iterable[Entity]], list[bytes]]) -> Response:
    """The envelope of a list of any length, rendered while it is sent: other calls are answered meanwhile.

    `render` gets some of the entities, and returns the JSON of each.
    """
    return Response(_envelope(iter(entities), render), content_type=JSON_TYPE)


def accepted(call: Call) -> Response:
    """The result of a command that was carried out. behaviour.md 3.0 (carried-over), C33."""
    return content(call.dialect.result((), call.request.path))


def _envelope(
    entities: Iterator[Entity], render: Callable[[Iterable[Entity]], list[bytes]]
) -> Iterator[bytes]:
    """Yield the envelope and the rows in it, some rows at a time."""
    yield b'{"content":['
    separator = b""
    while rows := render(islice(entities, _ROWS_AT_ONCE)):
        yield separator + b",".join(rows)
        separator = b","
    yield b"]}"
