"""A resource of the API: a blueprint whose views serve named operations, and are reached only by who may.

A view gets the call it serves as its first argument, then the ids of its path.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

from flask import Blueprint, Response
from flask.sansio.blueprints import BlueprintSetupState

from mock_server.dialects import Dialect
from mock_server.domain.operations import BY_VIEW, Operation
from mock_server.domain.spelling import snake
from mock_server.scenarios import Then
from mock_server.web.authentication import admitted, identified
from mock_server.web.rule_effects import answered

View = TypeVar("View", bound=Callable[..., Response])

_INTEGERS = ("accountId", "dossierId", "documentId", "thirdpartyId", "fileId")


def resource(name: str) -> Blueprint:
    """A blueprint of the API; registered once per dialect, with the dialect in its `url_defaults`."""
    return Blueprint(name, __name__)


def serves(blueprint: Blueprint) -> Callable[[View], View]:
    """Decorate a view to serve the operation of its name, on all its paths, in the dialects that have it."""

    def decorate(view: View) -> View:
        row = BY_VIEW[view.__name__]

        # Wrapped rather than preceded by hooks of the blueprint: those cost Flask a tenth of a request.
        @wraps(view)
        def served(dialect: Dialect, **values: Any) -> Response:
            caller = identified(dialect)

            def carry_out(then: Then) -> Response:
                return view(admitted(caller, row, dialect, values.get("account_id"), then), **values)

            return answered(row, caller, values, carry_out)

        blueprint.record(partial(_route, row, served))
        return view

    return decorate


def _route(operation: Operation, served: Callable[..., Response], state: BlueprintSetupState) -> None:
    """Map the operation's paths, where the dialect of this registration has it."""
    if state.url_defaults["dialect"].name in operation.dialects:
        for path in operation.paths:
            state.add_url_rule(_rule(path), operation.view, served, methods=[operation.method])


def _rule(path: str) -> str:
    """A path as Werkzeug writes it: `{accountId}` is an int64 named account_id, a process id any text."""
    rule = path
    for name in _INTEGERS:
        rule = rule.replace(f"{{{name}}}", f"<int64:{snake(name)}>")
    return rule.replace("{processId}", "<process_id>")
