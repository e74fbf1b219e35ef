"""The control API as Python methods, for tests against any server, on this machine or another.

    from mock_server.client import Sandbox

    sandbox = Sandbox("http://127.0.0.1:8080", "gw3")
    dossier = sandbox.dossier(siret="99050000100013", dossier_reference="PO-1")
    sandbox.clock.advance(days=30)
    sandbox.verify("getDossier", dossier_id=dossier["dossierId"])

It imports nothing of the server.
"""

from __future__ import annotations

from mock_server.client.errors import ControlRefused, NoServer, NotVerified, SocketsBlocked
from mock_server.client.journal import RecordedRequest
from mock_server.client.sandbox import Effect, Sandbox, SandboxClock, Server
from mock_server.deprecation import warn_renamed

__all__ = [
    "ControlRefused",
    "Effect",
    "NoServer",
    "NotVerified",
    "RecordedRequest",
    "Sandbox",
    "SandboxClock",
    "Server",
    "SocketsBlocked",
]

_RENAMED = {"Caused": Effect, "Clock": SandboxClock, "Request": RecordedRequest}


def __getattr__(name: str) -> object:
    """Return a class by its old name."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    renamed = _RENAMED[name]
    warn_renamed(f"{__name__}.{name}", renamed.__name__)
    return renamed
