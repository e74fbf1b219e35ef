"""Questions to the journal: which exchanges are meant, in the words of a rule's `when`, and of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, structs

from mock_server.domain.errors import ERRORS
from mock_server.fixtures.errors import InputError
from mock_server.journal.entry import Entry, entries_of
from mock_server.journal.journal import Excerpt
from mock_server.journal.parameters import near
from mock_server.scenarios.asking import request_differences
from mock_server.scenarios.checking import check_request
from mock_server.scenarios.matching import Difference, check_expectation, differences, text_differences
from mock_server.scenarios.script import Code, Expected, Request


class Question(Request, frozen=True, kw_only=True):
    """Which exchanges are meant: a call as a rule's `when` describes it, and how it was answered.

    `code` is one that the answer told: of a refusal, or of the import that it was about. `rule` is the name
    of the rule that bent the answer.
    """

    status: Expected = UNSET
    code: Code | tuple[Code, ...] | None = None
    rule: Expected = UNSET

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations asked for, none for all."""
        if self.operation is None:
            return ()
        return self.operation if isinstance(self.operation, tuple) else (self.operation,)

    @property
    def given(self) -> dict[str, Any]:
        """What is asked for, as it was written."""
        names = zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True)
        asked = {written: getattr(self, name) for name, written in names if _differs(self, name)}
        return dict(msgspec.to_builtins(asked))

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes asked for, none for all."""
        if self.code is None:
            return ()
        return self.code if isinstance(self.code, tuple) else (self.code,)


def _differs(question: Question, name: str) -> bool:
    """Whether something is asked for under this name."""
    return bool(getattr(question, name) != getattr(Question(), name))


def check_question(question: Question, path: str) -> None:
    """Refuse a question that cannot be understood; `path` is where it stands.

    Raises:
        InputError: an operation, an operator, a JSONPath or a code that is none.
    """
    check_request(question, path)
    for code in question.codes:
        if code not in ERRORS:
            meant = near(code, ERRORS)
            hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(ERRORS)}"
            raise InputError(f"{path}.code", f"there is no error code {code!r}; {hint}")
    for name, expected in (("status", question.status), ("rule", question.rule)):
        try:
            check_expectation(expected)
        except ValueError as mistake:
            raise InputError(f"{path}.{name}", str(mistake)) from None


def found(question: Question, excerpt: Excerpt) -> list[Entry]:
    """The exchanges that are meant, oldest first."""
    return [entry for entry in entries_of(excerpt) if next(why_not(question, entry), None) is None]


def why_not(question: Question, entry: Entry) -> Iterator[Difference]:
    """Why the exchange is none of those meant, what is quickly found out first."""
    if question.operations and entry.operation not in question.operations:
        # Told before the rest of the call is read, for most questions are about one operation.
        yield Difference("operation", " or ".join(question.operations), entry.operation)
    yield from request_differences(structs.replace(question, operation=None), entry.asked)
    yield from differences(question.status, entry.status, "status")
    if question.rule is not UNSET:
        yield from text_differences(question.rule, entry.rule, "rule")
    if question.code is not None and not set(question.codes) & set(entry.codes):
        yield Difference("code", " or ".join(question.codes), list(entry.codes))
