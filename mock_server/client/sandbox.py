"""A sandbox as a test holds it, and the server that it is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mock_server.client.asking import Asking
from mock_server.client.bending import Bending
from mock_server.client.clock import Clock
from mock_server.client.control import Control, in_path, server_url
from mock_server.client.logins import Logins
from mock_server.client.mistakes import ControlRefused, NoServer
from mock_server.client.placing import Placing

Part = Literal["state", "scenario", "rules", "clock", "variants", "rateLimit", "outbox", "journal"]


class Sandbox(Logins, Placing, Bending, Asking):
    """One sandbox of a server, by its name; one that is not there yet is made when it is first used.

    Every method may raise `ControlRefused`, with the server's sentence, and `NoServer`.
    """

    @property
    def clock(self) -> Clock:
        """Its time."""
        return Clock(self)

    def reset(self, *parts: Part) -> None:
        """Be as after the start, wholly or in these parts."""
        self.call("POST", "/reset", {"only": parts} if parts else {})

    def drop(self) -> None:
        """Forget the sandbox; used again, it is as after the start."""
        self.call("DELETE", f"/sandboxes/{in_path(self.name)}")

    def fixture(self) -> dict[str, Any]:
        """What the sandbox started from: users, accounts, identifiers with a meaning of their own."""
        return dict(self.call("GET", "/fixture"))

    def start_over_from(self, fixture: str | Path | Mapping[str, Any]) -> None:
        """Start over from another recipe: one that the server has, by name; a file; or a whole one."""
        if isinstance(fixture, Path):
            self.call("PUT", "/fixture", fixture.read_bytes())
        else:
            member = "name" if isinstance(fixture, str) else "recipe"
            self.call("PUT", "/fixture", {member: fixture})

    def snapshot(self, name: str) -> None:
        """Keep content and time under a name."""
        self.call("POST", f"/snapshots/{in_path(name)}")

    def restore(self, name: str) -> None:
        """Come back to a snapshot, as often as you like."""
        self.call("POST", f"/snapshots/{in_path(name)}/restore")

    def snapshots(self) -> list[str]:
        """The names kept, oldest first."""
        return [kept["name"] for kept in self.call("GET", "/snapshots")["snapshots"]]

    def state(self) -> dict[str, Any]:
        """The whole sandbox as JSON, passwords and files included."""
        return dict(self.call("GET", "/state"))

    def become(self, state: Mapping[str, Any]) -> None:
        """Be the sandbox that was written down with `state()`, here or on another server."""
        self.call("PUT", "/state", state)


@dataclass(frozen=True)
class Server:
    """A server, in this process or anywhere, and its sandboxes."""

    url: str
    control_token: str | None = field(default=None, repr=False)

    def sandbox(self, name: str = "default") -> Sandbox:
        """The sandbox of that name."""
        return Sandbox(self.url, name, control_token=self.control_token)

    def sandboxes(self) -> list[str]:
        """The names of those that there are."""
        return [found["name"] for found in self._control.call("GET", "/sandboxes")["sandboxes"]]

    def health(self) -> dict[str, Any]:
        """Version, fixture, dialect and counts of the server.

        Raises:
            NoServer: nobody answers at the URL, or something else does.
        """
        try:
            health = self._control.call("GET", "/health")
        except (ControlRefused, ValueError) as refused:
            raise NoServer(f"{server_url(self.url)} is no server of sandboxes: {refused}") from None
        return dict(health)

    @property
    def _control(self) -> Control:
        return Control(self.url, control_token=self.control_token)
