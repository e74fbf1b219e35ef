"""The calls of a test and all that they answered, as text; tests compare it with a snapshot.

After a wanted change, `make test ARGS="--snapshot-update tests/test_whole_answers.py"` writes them again:
read what has changed in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from werkzeug.test import TestResponse

from mock_server import __version__
from tests.support import Api

NOW = "2031-01-02T10:00:00"
VOLATILE = frozenset(
    {
        "content-length",
        "madeBy",
        "session_state",
        "user-agent",
        "realTime",
        "milliseconds",
        "uptime",
        "version",
        "timestamp",
    }
)
"""Members whose value differs in each run, or in each release."""
JSON = ("Content-Type", "application/json")
VOLATILE_METRICS = re.compile(r"^(process_|mock_server_uptime|mock_server_build).*\n", re.MULTILINE)
MOST_MEMBERS = 3
"""How many members of a list a transcript has."""
LONGEST_TEXT = 4000
LONGEST_BODY = 300
LONGEST_PAGE = 100


def as_lines(messages: Mapping[str, str]) -> str:
    """Return the messages as text, each after its case."""
    return "\n".join(f"{case}: {message}" for case, message in messages.items())


class Transcript:
    """The calls of a story and their answers, as text: JSON is written as YAML, and long lists are cut."""

    most_members = MOST_MEMBERS
    longest_text = LONGEST_TEXT
    volatile: frozenset[str] = VOLATILE

    def __init__(self, api: Api) -> None:
        self.api = api
        self.parts: list[str] = []

    def control(self, call: str, body: Any = None) -> Any:
        """Make a control call, such as `GET /clock`; return the JSON of the answer, None if it is none."""
        method, path = call.split(" ", 1)
        headers = {"X-Mock-Sandbox": self.api.sandbox}
        answer = self.api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)
        return self.add(f"{method} /__admin{path}", body, answer)

    def call(self, call: str, body: Any = None) -> Any:
        """Make a call of the API, its path relative to the account; return the JSON of the answer."""
        method, path = call.split(" ", 1)
        options = {} if body is None else {"json": body}
        return self.add(call, body, self.api.send(method, self.api.url(path), **options))

    def __str__(self) -> str:
        """Return the story so far."""
        return "\n".join(self.parts)

    def add(self, call: str, body: Any, answer: TestResponse) -> Any:
        """Add a call and its answer; return the JSON of the answer, None if it is none."""
        sent = "" if body is None else f" {json.dumps(body)[:LONGEST_BODY]}"
        shown = [line for line in answer.headers.items() if line != JSON and line[0] != "Content-Length"]
        value = answer.json if answer.is_json and answer.data else None
        most = LONGEST_PAGE if answer.mimetype in {"text/html", "text/javascript"} else self.longest_text
        text = VOLATILE_METRICS.sub("", answer.text).replace(__version__, "VERSION")
        content = text[:most] if value is None else self.as_text(value)
        lines = [f"# {call}{sent}", str(answer.status_code), *sorted(map(": ".join, shown)), content]
        self.parts.append("\n".join(lines))
        return value

    def as_text(self, value: Any) -> str:
        """Return JSON as the text has it."""
        value = self._short(value)
        return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=None, width=140)

    def _short(self, value: Any) -> Any:
        """Return a value of JSON without what is volatile, and with the first members of long lists."""
        if isinstance(value, dict):
            return {
                name: "..." if name in self.volatile else self._short(member)
                for name, member in value.items()
            }
        most = self.most_members
        if isinstance(value, list):
            more = [f"... {len(value)} members"] if len(value) > most else []
            return [*map(self._short, value[:most]), *more]
        longest = self.longest_text
        return f"{value[:longest]} ..." if isinstance(value, str) and len(value) > longest else value
