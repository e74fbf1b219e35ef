"""Read accounts of an environment by GET: within a rate, with retries, and again from where a pull ended."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from email.utils import parsedate_to_datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import requests

from mock_server.clock import real_now
from mock_server.decode_errors import convert_plain
from mock_server.domain.names import counted
from mock_server.domain.operations import API_PATH
from mock_server.input_errors import InputError
from mock_server.pull.answers import AccountAnswer, DossierAnswer, RequirementAnswer, ThirdpartyAnswer
from mock_server.scenarios.http_client import HttpOutcome, HttpRequest, HttpResponse, send
from mock_server.scenarios.target import Target, TokenCache

Json = dict[str, Any]
Progress = Callable[[str], None]
"""Called with what was read, for people."""

_PAGE_SIZE = 100
_TIMEOUT = 60.0
_PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each new attempt after a failure of the server or of the network."""

_MOST_REJECTIONS = 20
_LONGEST_WAIT = 300.0
_CONTINUE = "run the same command again to continue"


class SourceError(Exception):
    """The environment does not answer as the API; the message says what to do."""


class PulledAccount(NamedTuple):
    """The answers about one account: itself, its document types, dossiers, and third parties by their id."""

    account: Json
    requirements: list[Json]
    dossiers: list[Json]
    thirdparties: dict[int, Json]


class Pace(NamedTuple):
    """How fast to read: requests a second, 0 for no limit; and how to wait."""

    rate: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic


class AnswerFile:
    """The answers that a pull has so far, one a line, so that another run continues it.

    It holds the values of the source, so only its owner may read it. It is deleted at the end.
    """

    def __init__(self, path: Path, target: Target, today: date) -> None:
        """Open the file, or create it; no other pull can open it until it is closed.

        Raises:
            SourceError: another pull has it open, it belongs to another one, or cannot be used.
        """
        self.path = path
        self._answers: dict[str, Json] = {}
        head = {"baseUrl": target.base_url, "username": target.username, "dialect": target.dialect}
        with ExitStack() as opened:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
                self._file = opened.enter_context(os.fdopen(descriptor, "r+", encoding="utf-8"))
                self._lock()
                self._read(head, today)
            except OSError as error:
                raise SourceError(f"{path}: {error.strerror}") from None
            except (ValueError, KeyError, TypeError, AttributeError):
                raise SourceError(f"{path} is damaged: delete it to begin again") from None
            opened.pop_all()  # it stays open

    def _lock(self) -> None:
        try:
            flock(self._file, LOCK_EX | LOCK_NB)
            is_ours = os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        if not is_ours:  # in use, or deleted meanwhile by the pull that used it
            raise SourceError(f"{self.path}: another pull uses it: wait for its end, or choose another --out")

    def _read(self, head: Json, today: date) -> None:
        # The last line of a run that was killed may be cut off.
        lines = [line for line in self._file.read().splitlines(keepends=True) if line.endswith("\n")]
        found = list(map(json.loads, lines))
        if found and {name: found[0].get(name) for name in head} != head:
            raise SourceError(f"{self.path} belongs to another pull: delete it, or choose another --out")
        self.day = date.fromisoformat(found[0]["day"]) if found else today
        self._answers = {each["request"]: each["answer"] for each in found[1:]}
        self._file.truncate(self._file.seek(sum(map(len, lines))))
        if not found:
            self._add(head | {"day": today.isoformat()})

    def get(self, request: str) -> Json | None:
        """Return the answer to a request, None if it is not known."""
        return self._answers.get(request)

    def keep(self, request: str, answer: Json) -> None:
        """Keep an answer."""
        self._answers[request] = answer
        self._add({"request": request, "answer": answer})

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()

    def delete(self) -> None:
        """Delete the file: the pull is complete."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _add(self, line: Json) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class Source:
    """An environment from which accounts are read. It is sent GET and token requests only."""

    def __init__(self, target: Target, session: requests.Session, answers: AnswerFile, pace: Pace) -> None:
        self._target = target
        self._session = session
        self._answers = answers
        self._pace = pace
        self._next = 0.0
        self._users = TokenCache(target, None, session)
        self.requests = 0

    def accounts(self, wanted: Sequence[int] = ()) -> list[Json]:
        """Return the accounts that the user may read, or those of these ids.

        Raises:
            LoginFailed: the user got no token.
            SourceError: the environment does not answer, or the user may not read one of them.
        """
        found = {int(each["id"]): each for each in self._content("/account", list[AccountAnswer])}
        missing = [number for number in wanted if number not in found]
        if not found:
            raise SourceError("the user may not read any account: use another --username")
        if missing:
            numbers, listed = (", ".join(map(str, each)) for each in (missing, found))
            raise SourceError(f"the user may not read the account {numbers}: its accounts are {listed}")
        return [found[number] for number in wanted or found]

    def read(self, account: Json, *, limit: int | None = None, progress: Progress) -> PulledAccount:
        """Return all of an account, or what belongs to its first `limit` dossiers.

        Raises:
            LoginFailed: the user got no token.
            SourceError: the environment does not answer as the API.
        """
        path = f"/account/{account['id']}"
        requirements = self._content(f"{path}/requirements", list[RequirementAnswer])
        dossiers: list[Json] = []
        for page, total in self._pages(f"{path}/dossiers"):
            dossiers += page
            progress(f"account {account['id']}: {len(dossiers):,} of {counted(total, 'dossier')}")
            if limit is not None and len(dossiers) >= limit:
                del dossiers[limit:]
                break
        # A dossier that was created between two pages moves others to the next one.
        dossiers = list({each["dossierId"]: each for each in dossiers}.values())
        thirdparties: dict[int, Json] = {}
        numbers = dict.fromkeys(each["thirdpartyId"] for each in dossiers)
        for number in numbers:
            place = f"{path}/thirdparties/{number}"
            answer = self._get(place, ThirdpartyAnswer | None, allow_missing=True)
            thirdparties[number] = answer.get("content") or {}
            most = counted(len(numbers), "third party", "third parties")
            progress(f"account {account['id']}: {len(thirdparties):,} of {most}")
        return PulledAccount(account, requirements, dossiers, thirdparties)

    def _pages(self, path: str) -> Iterator[tuple[list[Json], int]]:
        seen = 0
        for number in count():
            answer = self._get(
                path, list[DossierAnswer] | None, page=number, pageSize=_PAGE_SIZE, allow_missing=True
            )
            page = answer.get("content") or []
            seen += len(page)
            total = int(answer.get("totalElements", seen))
            if page:
                yield page, total
            if not page or seen >= total:
                return

    def _content(self, path: str, kind: Any) -> Any:
        return self._get(path, kind)["content"]

    def _get(self, path: str, kind: Any, *, allow_missing: bool = False, **query: int) -> Json:
        request = path + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")
        answer = self._answers.get(request)
        if answer is None:
            answer = self._fetch(path, query, allow_missing=allow_missing)
            _check_form(request, answer, kind)
            self._answers.keep(request, answer)
        return answer

    def _fetch(self, path: str, query: Mapping[str, int], *, allow_missing: bool) -> Json:
        """Send a request, again after a failure, and again with a new token if the old one has expired."""
        outcome = self._send_until_answered(path, query)
        if outcome.status == HTTPStatus.UNAUTHORIZED:
            self._users = TokenCache(self._target, None, self._session)
            outcome = self._send_until_answered(path, query)
        if outcome.status == HTTPStatus.NOT_FOUND and allow_missing:
            return {}
        return _answer_of(path, outcome)

    def _send_until_answered(self, path: str, query: Mapping[str, int]) -> HttpResponse:
        pauses, rejections = iter(_PAUSES), 0
        while True:
            outcome = self._send(path, query)
            if isinstance(outcome, HttpResponse) and outcome.status == HTTPStatus.TOO_MANY_REQUESTS:
                rejections += 1
                if rejections > _MOST_REJECTIONS:
                    raise SourceError(f"{path}: too many requests: use a lower --rate, then {_CONTINUE}")
                self._pace.sleep(_retry_after(outcome))
                continue
            if isinstance(outcome, HttpResponse) and outcome.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return outcome
            pause = next(pauses, None)
            if pause is None:
                raise SourceError(f"{path}: {outcome}, {len(_PAUSES) + 1} times: {_CONTINUE}")
            self._pace.sleep(pause)

    def _send(self, path: str, query: Mapping[str, int]) -> HttpOutcome:
        token = self._users.tokens(self._users.user).access
        if self._pace.rate:
            wait = self._next - self._pace.monotonic()
            if wait > 0:
                self._pace.sleep(wait)
            self._next = max(self._next, self._pace.monotonic()) + 1 / self._pace.rate
        self.requests += 1
        request = HttpRequest(
            method="GET",
            url=f"{self._target.base_url}{API_PATH}{path}",
            query=tuple((name, str(value)) for name, value in query.items()),
            headers={"Authorization": f"Bearer {token}"},
        )
        return send(self._session, request, _TIMEOUT)


def _answer_of(path: str, response: HttpResponse) -> Json:
    if response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise SourceError(
            f"{path}: {response.status}: the user may not read this; --accounts chooses other accounts"
        )
    body = response.body
    if response.status != HTTPStatus.OK or not isinstance(body, dict) or "content" not in body:
        raise SourceError(
            f"{path}: {response.status} is not an answer of this API: check --base-url and --dialect,"
            f" then {_CONTINUE}"
        )
    return body


def _check_form(request: str, answer: Json, kind: Any) -> None:
    """Reject an answer whose content is not of this type; it is not kept, so that another run asks again."""
    try:
        convert_plain(answer.get("content"), kind, "$.content")
    except InputError as error:
        raise SourceError(
            f"GET {request}: {error.path}: {error}; this is not the form of the API: check --dialect, then"
            f" {_CONTINUE}"
        ) from None


def _retry_after(response: HttpResponse) -> float:
    """Return the seconds of `Retry-After`, which has a number or a date; without it, a second."""
    given = response.headers.get("retry-after", "1")
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(given) - real_now()).total_seconds()
        except (ValueError, TypeError):
            seconds = 1.0
    return min(max(0.0, seconds), _LONGEST_WAIT)  # in this order, NaN is 0
