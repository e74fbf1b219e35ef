"""The calls of a test and all that they answered, as text; tests compare it with a snapshot.

After a wanted change, `make test ARGS="--snapshot-update tests/test_whole_answers.py"` writes them again:
read what has changed in them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from werkzeug.test import TestResponse

from tests.support import Api

NOW = "2031-01-02T10:00:00"
VOLATILE = {
    "realTime": r'"\d{4}-[^"]+"',
    "milliseconds": r"[\d.]+",
    "uptimeSeconds": r"[\d.]+",
    "version": r'"\d+\.\d+\.\d+[^"]*"',
}
"""Members whose value differs at each run, and how it looks."""
SHOWN_HEADERS = (
    "Allow",
    "Cache-Control",
    "Content-Disposition",
    "Deprecation",
    "Location",
    "Retry-After",
    "X-Mock-Docs",
)
"""Headers that a transcript has, besides a media type other than JSON."""


class Transcript:
    """The calls of a story and their answers, as text."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._parts: list[str] = []

    def control(self, call: str, body: Any = None, **headers: str) -> Any:
        """Make a control call, such as `GET /clock`; return the JSON of the answer."""
        method, path = call.split(" ", 1)
        headers = {"X-Mock-Sandbox": self.api.sandbox} | headers
        answer = self.api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)
        return self._add(f"{method} /__admin{path}", body, answer)

    def call(self, call: str, body: Any = None) -> Any:
        """Make a call of the API, its path relative to the account; return the JSON of the answer."""
        method, path = call.split(" ", 1)
        options = {} if body is None else {"json": body}
        return self._add(call, body, self.api.send(method, self.api.url(path), **options))

    def _add(self, call: str, body: Any, answer: TestResponse) -> Any:
        sent = "" if body is None else f" {json.dumps(body)}"
        headers = [f"{name}: {answer.headers[name]}" for name in SHOWN_HEADERS if name in answer.headers]
        if answer.is_json:
            content = json.dumps(answer.json, indent=1, ensure_ascii=False)
        else:
            content = answer.text
            headers.append(f"Content-Type: {answer.content_type}")
        self._parts.append("\n".join([f"# {call}{sent}", str(answer.status_code), *headers, content]))
        return answer.json if answer.is_json else None

    def __str__(self) -> str:
        """Return the story, with the same text in each run."""
        text = "\n\n".join(self._parts)
        for member, value in VOLATILE.items():
            text = re.sub(rf'("{member}": ){value}', r"\1…", text)
        return text
