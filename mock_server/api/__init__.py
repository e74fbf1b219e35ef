"""The views of the emulated API: one module per resource, one function per operation.

A view reads the request, reads the sandbox or executes a command on it, and lets the dialect render the
answer. It has no rules and catches nothing. `VIEWS` has them all; `web.pipeline` routes requests to them.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from mock_server.api import accounts, documents, dossiers, processes, thirdparties
from mock_server.domain.operations import OPERATIONS, Kind

_MODULES = (accounts, thirdparties, dossiers, documents, processes)

VIEWS: dict[str, Callable[..., Response]] = {
    operation.name: getattr(module, operation.view)
    for operation in OPERATIONS.values()
    if operation.kind is not Kind.TOKEN
    for module in _MODULES
    if hasattr(module, operation.view)
}
"""The view of each operation by its name. That of tokens is `web.token_endpoint`."""
