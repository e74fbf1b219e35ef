"""The journal of a sandbox: its requests, how many there are, and whether they are as expected."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypedDict, Unpack

from mock_server.client.calls import ControlClient, json_members
from mock_server.client.errors import ControlRefused, NotVerified
from mock_server.client.members import RequestFilter
from mock_server.domain.names import counted
from mock_server.values import duration

__tracebackhide__ = True  # pytest shows the line of the test


class RecordedRequest(TypedDict, total=False):
    """A request and its answer in the journal, with the ids in its path.

    `codes` are the error codes of the answer, `rule` is the name of the rule that changed it. `matched` is
    false where the API has no such path. A request without an answer has the `fault` that the client saw.
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
    warningCodes: list[str]
    accountId: int
    dossierId: int
    thirdpartyId: int
    documentId: int
    fileId: int
    processId: str
    bodyNote: str
    answerNote: str
    fault: str


class JournalClient(ControlClient):
    """The control calls of the journal. An operation has its name in the contract: `importDossier`."""

    def requests(
        self, operation: str | None = None, **filters: Unpack[RequestFilter]
    ) -> list[RecordedRequest]:
        """Return the requests that match the filters, oldest first; without filters all of them.

        `requests("getProcess", code="E202")`. The journal keeps the latest ones: see `count`.
        """
        request_filter = _request_filter(operation, filters)
        answer = (
            self.call("POST", "/requests/find", request_filter)
            if request_filter
            else self.call("GET", "/requests")
        )
        return list(answer["requests"])

    def count(self, operation: str | None = None, **filters: Unpack[RequestFilter]) -> int:
        """Return how many requests match the filters.

        Raises:
            NotVerified: the journal has dropped older requests, so the number is not known.
        """
        answer = self.call("POST", "/requests/count", _request_filter(operation, filters))
        if not answer["complete"]:
            raise NotVerified(
                f"the journal has {counted(answer['count'], 'such request')}, and has dropped older ones: "
                "call forget_requests() before the test, or use a larger --journal-entries"
            )
        return int(answer["count"])

    def unmatched(self) -> list[RecordedRequest]:
        """Return the requests whose path or method the API does not have; `warnings` say what is near."""
        return list(self.call("GET", "/requests/unmatched")["requests"])

    def forget_requests(self) -> None:
        """Delete the requests made so far from the journal; coverage still counts them."""
        self.call("DELETE", "/requests")

    def verify(
        self,
        operation: str | None = None,
        *,
        count: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        timeout: str | float | timedelta | None = None,
        **filters: Unpack[RequestFilter],
    ) -> None:
        """Check that the client made such requests: `count` of them, or without a number at least one.

        `verify("importDossier", body={"dossierReference": "PO-1"}, count=1, timeout="5s")`. With `timeout` (a
        duration, or seconds) it waits so long for them, in real time.

        Raises:
            NotVerified: it did not; the message names the nearest requests.
        """
        expectation: dict[str, Any] = {"request": _request_filter(operation, filters)}
        bounds = json_members({"at_least": at_least, "at_most": at_most})
        limits = {name: bound for name, bound in bounds.items() if bound is not None}
        if count is not None or limits:
            expectation["count"] = limits or count
        self.verify_all(expectation, timeout=timeout)

    def verify_all(
        self,
        *expectations: Mapping[str, Any],
        in_order: bool = False,
        timeout: str | float | timedelta | None = None,
    ) -> None:
        """Check several expectations, in their JSON form; `in_order`: each request after the one before.

        `verify_all({"request": {"operation": "getToken"}, "count": 1}, {"request": ...}, in_order=True)`.
        With `timeout` it waits so long until all hold; upper bounds must hold for the whole time.

        Raises:
            NotVerified: one does not hold; the message names the nearest requests.
        """
        seconds = _seconds(timeout)
        body = {"expectations": expectations, "inOrder": in_order}
        if timeout is not None:
            body["timeout"] = timeout if isinstance(timeout, str) else f"{seconds:.3f}s"
        try:
            self._send("POST", "/verify", body, wait=seconds)
        except ControlRefused as error:
            if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
            raise NotVerified(error.detail) from None

    def export_scenario(self, name: str = "exported", *, since: int | str = "start") -> str:
        """Return a scenario file that repeats the requests and expects the same answers.

        `since` is the number of the request before the first one, or the name of a snapshot. Save it as
        `NAME.yaml`; `mock-server scenarios run NAME.yaml` runs it. It has no secrets and no personal data.
        """
        return self.text("/requests", format="scenario", name=name, since=since)

    def coverage(self) -> dict[str, Any]:
        """Return which parts of the API the client has reached, and which it has not."""
        return dict(self.call("GET", "/coverage"))


def _seconds(timeout: str | float | timedelta | None) -> float:
    """Return the seconds of a timeout; the server rejects a text that is not a duration."""
    if isinstance(timeout, str):
        with suppress(ValueError):
            return duration(timeout).total_seconds()
        return 0
    return timeout.total_seconds() if isinstance(timeout, timedelta) else timeout or 0


def _request_filter(operation: str | None, filters: RequestFilter) -> dict[str, object]:
    return ({} if operation is None else {"operation": operation}) | json_members(filters)
