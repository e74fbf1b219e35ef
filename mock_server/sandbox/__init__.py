"""Sandboxes: one isolated state with its clock, rules and journal, and all of them by name."""

from mock_server.sandbox.sandbox import PARTS, Part, SandboxConfig, SandboxState, ServerSandbox
from mock_server.sandbox.sandboxes import DEFAULT_SANDBOX, NoSandbox, Sandboxes

__all__ = [
    "DEFAULT_SANDBOX",
    "PARTS",
    "NoSandbox",
    "Part",
    "SandboxConfig",
    "SandboxState",
    "Sandboxes",
    "ServerSandbox",
]
