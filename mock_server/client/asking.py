"""What the client did: the requests in the journal of the sandbox, and expectations of them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypedDict, Unpack

from mock_server.client.control import Control, wire
from mock_server.client.mistakes import ControlRefused, NotVerified
from mock_server.client.shapes import Question


class Request(TypedDict, total=False):
    """A request of the client and its answer, as the journal has it; it has the ids of the path as well.

    `codes` are those that the answer told, `rule` is the name of the rule that bent it, `matched` whether the
    API has the path. A request without an answer has the `fault` that the client saw.
    """

    number: int
    at: str
    realTime: str
    milliseconds: float
    operation: str | None
    user: str | None
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    status: int | None
    codes: list[str]
    rule: str | None
    answerHeaders: dict[str, str]
    answer: Any
    matched: bool
    warnings: list[str]
    accountId: int
    dossierId: int
    thirdpartyId: int
    documentId: int
    fileId: int
    processId: str
    bodyNote: str
    answerNote: str
    fault: str


class Asking(Control):
    """The journal of a sandbox. An operation is named as in the contract: `importDossier`."""

    def requests(self, operation: str | None = None, **question: Unpack[Question]) -> list[Request]:
        """The requests of the client that are meant, oldest first; all of them if nothing is asked for.

        `requests("getProcess", code="E202")`. The journal keeps the latest ones: see `count`.
        """
        asked = _asked(operation, question)
        path = "/requests/find"
        return list((self.call("POST", path, asked) if asked else self.call("GET", "/requests"))["requests"])

    def count(self, operation: str | None = None, **question: Unpack[Question]) -> int:
        """How many requests are meant.

        Raises:
            NotVerified: the journal has forgotten older ones, so nobody can tell.
        """
        found = self.call("POST", "/requests/count", _asked(operation, question))
        if not found["complete"]:
            raise NotVerified(
                f"the journal has {found['count']} such requests, and has forgotten older ones: "
                "forget_requests() before the test, or a larger --journal-entries"
            )
        return int(found["count"])

    def unmatched(self) -> list[Request]:
        """The calls of a path or method that the API does not have; `warnings` say what was meant."""
        return list(self.call("GET", "/requests/unmatched")["requests"])

    def forget_requests(self) -> None:
        """Forget the requests made so far; coverage goes on."""
        self.call("DELETE", "/requests")

    def verify(
        self,
        operation: str | None = None,
        *,
        count: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        **question: Unpack[Question],
    ) -> None:
        """Expect that the client made such requests: so many, or left out one or more.

        `verify("importDossier", body={"dossierReference": "PO-1"}, count=1)`.

        Raises:
            NotVerified: it did not; the message says what came nearest.
        """
        expectation: dict[str, Any] = {"request": _asked(operation, question)}
        bounds = wire({"at_least": at_least, "at_most": at_most})
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        if count is not None or given:
            expectation["count"] = given or count
        self.verify_all(expectation)

    def verify_all(self, *expectations: Mapping[str, Any], in_order: bool = False) -> None:
        """Several expectations at once, as JSON spells them; `in_order`, each is met after the one before it.

        `verify_all({"request": {"operation": "getToken"}, "count": 1}, {"request": ...}, in_order=True)`.

        Raises:
            NotVerified: one does not hold; the message says what came nearest.
        """
        wanted = {"expectations": expectations, "inOrder": in_order}
        try:
            self.call("POST", "/verify", wanted)
        except ControlRefused as refused:
            if refused.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
            raise NotVerified(refused.detail) from None

    def coverage(self) -> dict[str, Any]:
        """What the client met of the API, and what it never met."""
        return dict(self.call("GET", "/coverage"))


def _asked(operation: str | None, question: Question) -> dict[str, object]:
    return ({} if operation is None else {"operation": operation}) | wire(question)
