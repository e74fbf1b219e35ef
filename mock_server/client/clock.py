"""The clock of a sandbox: every turn answers what it brought about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NotRequired, TypedDict

from mock_server.client.control import Control
from mock_server.domain.local_time import from_local


class Caused(TypedDict):
    """Something that time brought about: a dossier expired, a document lapsed, a process finished."""

    what: str
    at: str
    accountId: int
    dossierId: int | None
    processId: NotRequired[str]


class Clock:
    """The time of a sandbox. An instant given as text is ISO 8601; without offset it is French local time."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def now(self) -> datetime:
        """What time it is in the sandbox."""
        return from_local(self._control.call("GET", "/clock")["now"])

    def advance(
        self,
        by: str | timedelta | None = None,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        tokens: bool = False,
    ) -> list[Caused]:
        """Go forward, by an ISO duration such as `P30D` or by so many days; what that brought about.

        With `tokens`, the tokens issued so far grow older as well.
        """
        text = by if isinstance(by, str) else None
        span = (by if isinstance(by, timedelta) else timedelta()) + timedelta(
            days=days, hours=hours, minutes=minutes, seconds=seconds
        )
        wanted = {"by": text or _iso(span), "tokens": tokens}
        return list(self._control.call("POST", "/clock/advance", wanted)["caused"])

    def set(self, now: str | datetime) -> list[Caused]:
        """Let it stand still at this instant; what that brought about."""
        return self._turned({"now": now})

    def freeze(self) -> list[Caused]:
        """Let it stand still."""
        return self._turned({"frozen": True})

    def run(self) -> list[Caused]:
        """Let it run on."""
        return self._turned({"frozen": False})

    def _turned(self, wanted: dict[str, object]) -> list[Caused]:
        return list(self._control.call("PUT", "/clock", wanted)["caused"])


def _iso(span: timedelta) -> str:
    return f"P{span.days}DT{span.seconds + span.microseconds / 1e6:.6f}S"
