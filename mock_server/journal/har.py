"""Exchanges as entries of an HTTP archive (HAR 1.2) for the developer tools of browsers, secrets hidden."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from mock_server.journal.entries import Entry
from mock_server.journal.redaction import FORM, ReadableBody, parse_pairs, redact_url

_PATH = "/:@!$&'()*+,;=~"


def har_entry(entry: Entry) -> dict[str, Any]:
    """Return an exchange as an entry of the archive; members that begin with `_` are extensions."""
    exchange = entry.exchange
    milliseconds = round(exchange.seconds * 1000, 3)
    began = datetime.fromtimestamp(exchange.ended, UTC) - timedelta(seconds=exchange.seconds)
    extensions = {
        "_number": entry.number,
        "_operation": entry.operation,
        "_codes": entry.codes,
        "_rule": entry.rule,
        "_warnings": entry.warnings,
        "_fault": entry.fault,
    }
    return {
        "startedDateTime": began.isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": _request(entry),
        "response": _response(entry),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": " ".join(filter(None, (entry.operation, *entry.codes))),
        **{name: value for name, value in extensions.items() if value},
    }


def _request(entry: Entry) -> dict[str, Any]:
    texts = entry.exchange.texts
    path = quote(entry.path, safe=_PATH)
    query = texts["QUERY_STRING"]
    url = redact_url(f"{path}?{query}" if query else path)
    host = texts.get("HTTP_HOST") or f"{texts['SERVER_NAME']}:{texts['SERVER_PORT']}"
    request = {
        "method": entry.method,
        "url": f"{texts['wsgi.url_scheme']}://{host}{url}",
        "httpVersion": texts["SERVER_PROTOCOL"],
        "cookies": [],
        "headers": _pairs(entry.headers.items()),
        "queryString": _pairs(parse_pairs(url.partition("?")[2].encode())),
        "headersSize": -1,
        "bodySize": -1 if entry.exchange.without_bodies else len(entry.exchange.body),
    }
    if entry.body.value is not None or entry.body.note:
        media_type = texts.get("CONTENT_TYPE") or "application/octet-stream"
        request["postData"] = {"mimeType": media_type, "text": ""} | _text(entry.body, media_type)
    return request


def _response(entry: Entry) -> dict[str, Any]:
    status = entry.status or 0
    headers = {} if entry.fault else entry.answer_headers
    media_type = headers.get("content-type", "")
    answer = None if entry.exchange.without_bodies else entry.packed.answer
    size = 0 if entry.fault else -1 if answer is None else len(answer)
    return {
        "status": status,
        "statusText": entry.fault or (HTTPStatus(status).phrase if status in _STATUSES else ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers.items()),
        "content": {"size": max(size, 0), "mimeType": media_type} | _text(entry.answer, media_type),
        "redirectURL": headers.get("location", ""),
        "headersSize": -1,
        "bodySize": size,
    }


_STATUSES = frozenset(HTTPStatus)


def _text(body: ReadableBody, media_type: str) -> dict[str, str]:
    """Return a body as text, without its secrets; the comment says why it is missing or cut off."""
    members = {} if body.note is None else {"comment": body.note}
    if body.value is None:
        return members
    if isinstance(body.value, str):
        return members | {"text": body.value}
    is_form = media_type.lower().startswith(FORM)
    return members | {
        "text": urlencode(body.value, safe="*") if is_form else orjson.dumps(body.value).decode()
    }


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
