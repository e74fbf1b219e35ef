"""Sandboxes: one isolated state with its clock, rules and journal, and all of them by name."""

from mock_server.fixtures.errors import Conflict, NotWritten, StateFileError
from mock_server.sandbox.commands import PARTS, Part
from mock_server.sandbox.history import NotKept
from mock_server.sandbox.sandbox import SandboxOptions, ServerSandbox
from mock_server.sandbox.sandboxes import DEFAULT_SANDBOX, NoSandbox, Sandboxes
from mock_server.sandbox.state import SandboxConfig, SandboxState

__all__ = [
    "DEFAULT_SANDBOX",
    "PARTS",
    "Conflict",
    "NoSandbox",
    "NotKept",
    "NotWritten",
    "Part",
    "SandboxConfig",
    "SandboxOptions",
    "SandboxState",
    "Sandboxes",
    "ServerSandbox",
    "StateFileError",
]
