"""Responses of the emulated API: JSON, the envelope around content, pages and lists (behaviour.md 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson
from flask import Response

from mock_server.dialects import Json
from mock_server.domain.errors import NOT_FOUND, NotFound, Refusal
from mock_server.domain.search import Page
from mock_server.journal import page_facts, redact_json
from mock_server.web.context import Call

JSON_TYPE = "application/json;charset=UTF-8"

_ROWS_AT_ONCE = 100  # about 2 ms


class _RawResponse(Response):
    """A complete response, sent as it is: Werkzeug would look for headers to correct."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Send it, as WSGI says."""
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.iter_encoded()


def json_response(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with this JSON body."""
    return _RawResponse(orjson.dumps(body), status, headers, content_type=JSON_TYPE)


def oauth_error(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Response:
    """An error of the authorisation server, in Keycloak's format. behaviour.md 1.2 (inferred)."""
    return json_response({"error": error, "error_description": description}, status, headers)


def content(rendered: Json) -> Response:
    """The envelope around an object or a list."""
    return json_response({"content": rendered})


def page(call: Call, found: Page[Any], rows: Sequence[Json]) -> Response:
    """The envelope of a page.

    Raises:
        NotFound: NOT_FOUND, no hit on any page, where the variant `emptySearch` says so.

    behaviour.md 2, 8 (documented), C7.
    """
    call.facts.extend(page_facts(found.number, found.size, found.total_elements))
    if not found.total_elements and call.variants["emptySearch"] == "not-found":
        criteria = "&".join(
            f"{name}={value}" for name, value in redact_json(call.request.args.to_dict()).items()
        )
        raise NotFound(Refusal(NOT_FOUND, None, (criteria,)))
    return json_response(
        {"content": rows, "page": found.number, "size": found.size, "totalElements": found.total_elements}
    )


def stream(rows: Iterable[Json]) -> Response:
    """The envelope of a list of any length, rendered while it is sent: other calls are answered meanwhile."""
    return Response(_envelope(iter(rows)), content_type=JSON_TYPE)


def accepted(call: Call) -> Response:
    """The result of a command that was carried out. behaviour.md 3.0 (carried-over), C33."""
    return content(call.dialect.result((), call.request.path))


def _envelope(rows: Iterator[Json]) -> Iterator[bytes]:
    yield b'{"content":['
    separator = b""
    # Row by row: a hundred rows of dicts at once would be thousands of objects for the garbage collector.
    while several := list(map(orjson.dumps, islice(rows, _ROWS_AT_ONCE))):
        yield separator + b",".join(several)
        separator = b","
    yield b"]}"
