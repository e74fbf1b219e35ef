"""What tests share: one app for all, and a sandbox of its own for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.checked import check_every_client
from tests.support import Api, running_server
from tests.timed import RECIPE, START

check_every_client()

# A busy machine is slow, and not wrong: no example has a deadline.
settings.register_profile("quick", deadline=None)
settings.register_profile("soak", deadline=None, max_examples=5_000)
settings.load_profile("quick")

_numbers = count(1)


@pytest.fixture(scope="session")
def app() -> Flask:
    """The app with the default fixture; pytest-flask makes its `client` of it."""
    return create_app(Settings(max_sandboxes=1_000_000, log_level="error"))


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    """The dialect that the apis of a test speak."""
    return str(getattr(request, "param", "rest"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test runs in each dialect that its mark, or else its module's, says: `pytest.mark.speaks("edge")`."""
    mark = metafunc.definition.get_closest_marker("speaks")
    if mark and "dialect" in metafunc.fixturenames:
        metafunc.parametrize("dialect", mark.args, indirect=True)


@pytest.fixture
def make_api(client: FlaskClient, dialect: str) -> Callable[..., Api]:
    """Log a user in to a new sandbox: `make_api(user="domestic", account=119900)`."""

    def make(user: str = "api", account: int = 119631, sandbox: str | None = None) -> Api:
        return Api(client, sandbox or f"t{next(_numbers)}", user=user, account=account, dialect=dialect)

    return make


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """The default user of account 119631, in a new sandbox whose clock stands still."""
    return make_api()


@pytest.fixture
def make_variant_api(dialect: str) -> Callable[..., Api]:
    """An api, in a new sandbox, of a server with variants: `make_variant_api(refusals="result")`."""

    def make(**variants: str) -> Api:
        app = _variant_app(tuple(variants.items()))
        return Api(app.test_client(), f"v{next(_numbers)}", dialect=dialect)

    return make


@cache
def _variant_app(variants: tuple[tuple[str, str], ...]) -> Flask:
    return create_app(Settings(max_sandboxes=1_000_000, variants=dict(variants), log_level="error"))


@pytest.fixture
def make_server_api(tmp_path_factory: pytest.TempPathFactory, dialect: str) -> Callable[..., Api]:
    """An api of a server of its own: `make_server_api(auth="declared")`, or with text as its recipe."""

    def make(recipe: str | None = None, **settings: Any) -> Api:
        if recipe is not None:
            path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
            path.write_text(recipe, encoding="utf-8")
            settings["fixture"] = str(path)
        app = create_app(Settings(log_level="error", **settings))
        return Api(app.test_client(), "default", dialect=dialect)

    return make


@pytest.fixture
def timed(make_server_api: Callable[..., Api]) -> Api:
    """An api of a server that starts from the recipe of `tests.timed`, its clock frozen at `START`."""
    api = make_server_api(RECIPE, clock=START)
    api.set_clock(START.isoformat())
    return api


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads of this process take turns every microsecond: a lock that is missing shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The base URL of a real server with the default fixture."""
    with running_server() as (url, _):
        yield url
