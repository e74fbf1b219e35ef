"""The examples in the documents: real answers, which `make docs` asks of a sandbox and keeps here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from mock_server.contract.schemas import data

Example = dict[str, Any]
"""`operation`, `name`, `status`, the `request` (method, path and body) and the `body` that was answered."""

Named = dict[str, dict[str, Any]]
"""Examples as OpenAPI has them: a summary and a value, by name."""


@cache
def examples(dialect: str) -> list[Example]:
    """Every example of the dialect."""
    return list(data(f"examples.{dialect}")["examples"])


def answer_examples(dialect: str, operation: str | None, status: int) -> Named:
    """What the operation answered with this status; of None, what any answered in protocol format."""
    return dict(_answers(dialect, operation, status))


def body_examples(dialect: str, operation: str) -> Named:
    """What the operation was sent, and did not refuse."""
    return {
        _name(row["name"]): {"summary": row["name"], "value": row["request"]["body"]}
        for row in examples(dialect)
        if row["operation"] == operation and "body" in row["request"] and _was_taken(row)
    }


def _answers(dialect: str, operation: str | None, status: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in examples(dialect):
        is_meant = row["operation"] == operation if operation else "timestamp" in (row.get("body") or {})
        if is_meant and row["status"] == status and "body" in row:
            yield _name(row["name"]), {"summary": row["name"], "value": row["body"]}


def _was_taken(row: Example) -> bool:
    """Whether it was carried out; under the variant `refusals` a 200 may say that it was not."""
    return row["status"] == HTTPStatus.OK and "messages" not in row["body"]


def _name(sentence: str) -> str:
    """A sentence as a key."""
    return re.sub(r"[^0-9A-Za-z=]+", "-", sentence).strip("-")
