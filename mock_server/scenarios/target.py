"""Whom a run talks to: a server of this project, which gives it a sandbox, or the vendor's environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from msgspec import Struct

from mock_server.client.errors import ControlRefused
from mock_server.domain.operations import API_PATH, DIALECTS, TOKEN_PATH, DialectName
from mock_server.scenarios.client import Answer, NoAnswer, Sent, new_session, send
from mock_server.scenarios.script import Scenario
from mock_server.settings import CONTROL_PREFIX, SANDBOX_HEADER

_HOSTS: dict[str, DialectName] = {"rs.": "rest", "edge.": "edge"}
_TIMEOUT = 10.0


class NoTarget(Exception):
    """Nobody answers at the base URL, or not as an HTTP server does."""


class Target(Struct, frozen=True, kw_only=True):
    """Base URLs of the API (without /api/v1) and of the authorisation server, and who logs in there.

    `dialect` is what is spoken at the base URL. `control_url` is that of a sandbox's control calls, None for
    any other environment.
    """

    base_url: str
    auth_url: str
    dialect: DialectName = "rest"
    control_url: str | None = None
    control_token: str | None = None
    username: str = "api@example.com"
    password: str = "demo"  # noqa: S105  # that of the bundled fixtures

    @property
    def token_url(self) -> str:
        """Where tokens are got."""
        return f"{self.auth_url}{TOKEN_PATH}"


def find_target(
    base_url: str,
    *,
    dialect: DialectName | None = None,
    auth_url: str | None = None,
    username: str = "api@example.com",
    password: str = "demo",  # noqa: S107  # that of the bundled fixtures
    control_token: str | None = None,
) -> Target:
    """The target at a base URL, asked whether it is a sandbox.

    A sandbox is asked in `dialect`, whatever the URL says; elsewhere it only tells what is spoken there.

    Raises:
        NoTarget: nobody answers there.
    """
    base = base_url.rstrip("/").removesuffix(API_PATH)
    control_url, at_home = _sandbox(base)
    spoken = _named_dialect(base) or at_home or "rest"
    if control_url is not None and dialect not in {None, spoken}:
        base = f"{control_url.removesuffix(CONTROL_PREFIX)}/{dialect}"
    return Target(
        base_url=base,
        dialect=dialect or spoken,
        auth_url=(auth_url or (control_url or base).removesuffix(CONTROL_PREFIX)).rstrip("/"),
        control_url=control_url,
        control_token=control_token,
        username=username,
        password=password,
    )


def _named_dialect(base: str) -> DialectName | None:
    """The dialect that a base URL names by its last part or its host, if it does."""
    parts = urlsplit(base)
    hosts = (name for start, name in _HOSTS.items() if (parts.hostname or "").startswith(start))
    return next((name for name in DIALECTS if parts.path.endswith(f"/{name}")), next(hosts, None))


def _sandbox(base: str) -> tuple[str, DialectName] | tuple[None, None]:
    """Where the control calls of a sandbox go, and what it speaks where nothing names a dialect.

    A base URL may end in the prefix of a dialect, which control calls do not have.
    """
    roots = dict.fromkeys((base, *(base.removesuffix(f"/{name}") for name in DIALECTS)))
    with new_session(base) as session:
        for root in roots:
            url = f"{root}{CONTROL_PREFIX}"
            outcome = send(session, Sent(method="GET", url=f"{url}/health"), _TIMEOUT)
            if isinstance(outcome, NoAnswer):
                raise NoTarget(f"{base} does not answer: {outcome.problem}")
            spoken = _spoken_at_home(outcome)
            if spoken is not None:
                return url, spoken
    return None, None


def _spoken_at_home(answer: Answer) -> DialectName | None:
    """The dialect of the server whose health this is; None where it is none of ours."""
    body = answer.body
    is_ours = isinstance(body, Mapping) and {"status", "fixture"} <= body.keys()
    return next((name for name in DIALECTS if is_ours and body.get("dialect") == name), None)


class Control:
    """The control calls of a run, to a sandbox of its own."""

    def __init__(self, target: Target, sandbox: str, session: requests.Session) -> None:
        self.sandbox = sandbox
        self._target = target
        self._session = session

    def sent(self, method: str, path: str, **parts: Any) -> Sent:
        """The request of a control call; `parts` as those of `Sent`."""
        headers = {SANDBOX_HEADER: self.sandbox, **parts.pop("headers", {})}
        if self._target.control_token is not None:
            headers = {"Authorization": f"Bearer {self._target.control_token}"} | headers
        return Sent(method=method, url=f"{self._target.control_url}{path}", headers=headers, **parts)

    def ask(self, method: str, path: str, content: bytes | None = None) -> Any:
        """Make a control call; what it answers.

        Raises:
            ControlRefused: it was not done.
        """
        outcome = send(self._session, self.sent(method, path, content=content), _TIMEOUT)
        call = f"{method} {CONTROL_PREFIX}{path}"
        if isinstance(outcome, NoAnswer):
            raise ControlRefused(call, None, outcome.problem)
        if outcome.status >= HTTPStatus.BAD_REQUEST:
            raise ControlRefused(call, outcome.status, _detail(outcome))
        return outcome.body

    def is_frozen(self) -> bool:
        """Whether the sandbox's clock stands still."""
        return bool(self.ask("GET", "/clock")["frozen"])

    def advance(self, seconds: int) -> None:
        """Let time go on in the sandbox."""
        self.ask("POST", "/clock/advance", json.dumps({"by": f"PT{seconds}S"}).encode())


@contextmanager
def opened(target: Target, scenario: Scenario, session: requests.Session) -> Iterator[Control | None]:
    """A sandbox in which the scenario is active, dropped in the end; None where the target has none to give.

    Raises:
        ControlRefused: the sandbox does not take the scenario.
    """
    if target.control_url is None:
        yield None
        return
    name = f"run-{token_hex(4)}"
    control = Control(target, name, session)
    try:
        control.ask("PUT", "/scenario", msgspec.json.encode({"scenario": scenario}))
        yield control
    finally:
        # It may not be there, and a run is not judged by its tidying up: an idle sandbox goes by itself.
        send(session, control.sent("DELETE", f"/sandboxes/{name}"), _TIMEOUT)


def _detail(refusal: Answer) -> str:
    body = refusal.body
    detail = body.get("detail") if isinstance(body, Mapping) else None
    return str(detail or refusal.text[:200])
