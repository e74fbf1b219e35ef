"""A resource of the API: a blueprint whose views serve named operations, and only to those who may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, g

from mock_server.api import who
from mock_server.dialects.wire import snake
from mock_server.domain.operations import BY_VIEW

View = TypeVar("View", bound=Callable[..., Any])

_INTEGERS = ("accountId", "dossierId", "documentId", "thirdpartyId", "fileId")


def resource(name: str) -> Blueprint:
    """A blueprint of the API; registered once per dialect, with the dialect among its `url_defaults`."""
    blueprint = Blueprint(name, __name__)
    blueprint.url_value_preprocessor(_note_dialect)
    blueprint.before_request(who.admit)
    blueprint.after_request(who.limit_headers)
    return blueprint


def serves(blueprint: Blueprint) -> Callable[[View], View]:
    """Decorate a view to serve the operation of its name, on all the operation's paths."""

    def decorate(view: View) -> View:
        row = BY_VIEW[view.__name__]
        for path in row.paths:
            blueprint.add_url_rule(
                _rule(path), row.view, view, methods=[row.method], provide_automatic_options=False
            )
        return view

    return decorate


def _note_dialect(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.dialect = (values or {}).pop("dialect", None)


def _rule(path: str) -> str:
    """A path as Werkzeug writes it: `{accountId}` is an int64 named account_id, a process id any text."""
    rule = path
    for name in _INTEGERS:
        rule = rule.replace(f"{{{name}}}", f"<int64:{snake(name)}>")
    return rule.replace("{processId}", "<process_id>")
