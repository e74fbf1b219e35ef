"""The table of control calls: a view says once what it serves, for its route, its body and the document."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from msgspec import Struct

from mock_server.control.problems import body_as

View = TypeVar("View", bound=Callable[..., Response])

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")

_CONVERTED = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")


class YamlText(Struct, frozen=True):
    """A body sent as YAML, unread: a mistake in it is told with the line it stands on."""

    text: str


class ControlCall(Struct, frozen=True, kw_only=True):
    """One call: `rule` is Flask's. `sandboxed`: it is about the sandbox named, not about the server."""

    name: str
    method: str
    rule: str
    summary: str
    description: str
    body: Any
    yaml: Any
    status: int
    media_type: str
    sandboxed: bool
    query: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The rule as OpenAPI writes it: `/dossiers/{dossier_id}`."""
        return _CONVERTED.sub(r"{\g<name>}", self.rule)

    @property
    def ids(self) -> dict[str, type]:
        """The names in the path, and the type of each."""
        found = _CONVERTED.finditer(self.rule)
        return {match["name"]: int if match["converter"] == "int" else str for match in found}


CALLS: list[ControlCall] = []
"""Every control call, in the order in which the views are imported."""


def serves(  # noqa: PLR0913  # one argument per thing that a call says of itself
    blueprint: Blueprint,
    route: str,
    *,
    body: Any = None,
    yaml: Any = None,
    status: int = 200,
    media_type: str = "application/json",
    sandboxed: bool = True,
    query: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[View], View]:
    """Serve a route, such as `POST /dossiers/<int:dossier_id>`, with the view below.

    The ids of the path are passed by name. The JSON body, decoded as the type `body`, is the first argument;
    where `yaml` says what a YAML document would have to be, one is passed as `YamlText` instead. `status` and
    `media_type` are those of the answer; `query` has a JSON Schema for each parameter. The docstring
    documents the call.
    """
    method, _, rule = route.partition(" ")

    def register(view: View) -> View:
        text = inspect.cleandoc(view.__doc__ or "")
        CALLS.append(
            ControlCall(
                name=view.__name__,
                method=method,
                rule=rule,
                summary=text.partition("\n")[0],
                description=text.partition("Raises:")[0].partition("\n")[2].strip(),
                body=body,
                yaml=yaml,
                status=status,
                media_type=media_type,
                sandboxed=sandboxed,
                query=query,
            )
        )
        entered = view if body is None else _with_body(view, body, yaml)
        blueprint.add_url_rule(rule, view.__name__, entered, methods=[method])
        return view

    return register


def _with_body(view: Callable[..., Response], body: Any, yaml: Any) -> Callable[..., Response]:
    @wraps(view)
    def entered(**ids: Any) -> Response:
        if yaml is not None and request.mimetype in YAML_TYPES:
            return view(YamlText(request.get_data(as_text=True)), **ids)
        return view(body_as(body), **ids)

    return entered
