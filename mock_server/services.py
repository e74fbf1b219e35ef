"""What the requests of one app share: its settings, sandboxes and tokens. Found here and nowhere else."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, current_app, request
from msgspec import Struct

from mock_server.sandbox import DEFAULT_SANDBOX, Sandbox, Sandboxes
from mock_server.scenarios import FixtureNamed
from mock_server.settings import Settings
from mock_server.tokens import TokenOffice

_KEY = "mock_server"
SANDBOX_HEADER = "X-Mock-Sandbox"


class Services(Struct, frozen=True, kw_only=True):
    """Made once, when the app is; `started` is in real time."""

    settings: Settings
    sandboxes: Sandboxes
    tokens: TokenOffice
    fixture_named: FixtureNamed
    started: datetime


def install(app: Flask, services: Services) -> None:
    """Give the app its services."""
    app.extensions[_KEY] = services


def of(app: Flask) -> Services:
    """The services of an app."""
    found: Services = app.extensions[_KEY]
    return found


def services() -> Services:
    """The services of the app that serves this request."""
    return of(current_app)


def named_sandbox() -> Sandbox:
    """The sandbox that the request names by header or query, else the default one."""
    name = request.headers.get(SANDBOX_HEADER) or request.args.get("sandbox") or DEFAULT_SANDBOX
    return services().sandboxes.named(name)
