"""Shared fixtures: one app for all tests, and a separate sandbox for each."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.settings import Settings
from mock_server.web.contract import contract_error
from mock_server.web.rule_effects import RULE_HEADER
from mock_server.web.services import services
from tests.processes import fork_servers
from tests.properties import register_profiles
from tests.support import RECIPE, START, Api, frequent_thread_switches, running_server
from tests.transcript import NOW, Transcript


class CheckedClient(FlaskClient):
    """Flask's client; an answer that breaks the contract fails the test. Scripted answers are not checked."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        if RULE_HEADER not in answer.headers:
            with self.application.request_context(answer.request.environ):
                error = contract_error(request, answer, services().settings.dialect)
            assert error is None, f"{answer.request.method} {answer.request.path}: {error}"
        return answer


Flask.test_client_class = CheckedClient
register_profiles()

CHANGE_OUTPUTS = {"CI", "BUILD_NUMBER", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "PYTEST_ADDOPTS"}

_numbers = count(1)


def pytest_collection_finish() -> None:
    """Search for garbage rarely, and not in what stays: modules and tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _forked_servers() -> Iterator[None]:
    """Let commands that run in this process start their server by the fork server."""
    with pytest.MonkeyPatch.context() as patch:
        fork_servers(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def _same_environment() -> Iterator[None]:
    """Take away what changes outputs of commands and of pytest, such as on a CI server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in tuple(os.environ):
            if name in CHANGE_OUTPUTS or name.startswith("MOCK_SERVER_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def app() -> Flask:
    """The app with the default fixture; pytest-flask makes its `client` of it."""
    return create_app(Settings(max_sandboxes=1_000_000, log_level="error"))


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    """The dialect that the apis of a test speak."""
    return str(getattr(request, "param", "rest"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test in each dialect of its mark, or of its module: `pytest.mark.dialects("edge")`."""
    mark = metafunc.definition.get_closest_marker("dialects")
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
def story(make_api: Callable[..., Api], request: pytest.FixtureRequest) -> Transcript:
    """A transcript of a new sandbox that is named as the test, with its clock frozen at the same time."""
    name = request.node.name.removeprefix("test_")
    api = make_api(sandbox=re.sub(r"\W+|_", "-", name).strip("-")[:40])
    api.set_clock(NOW)
    return Transcript(api)


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
    """An api of a separate server: `make_server_api(auth="declared")`, or with text as its recipe."""

    def make(recipe: str | None = None, **settings: Any) -> Api:
        if recipe is not None:
            path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
            path.write_text(recipe, encoding="utf-8")
            settings["fixture"] = str(path)
        app = create_app(Settings(log_level="error", **settings))
        return Api(app.test_client(), "default", dialect=dialect)

    return make


@pytest.fixture(scope="session")
def recipe_app(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Flask]:
    """The app of a server that starts from this recipe, made once; its tests use new sandboxes."""

    @cache
    def make(recipe: str, **settings: Any) -> Flask:
        path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
        path.write_text(recipe, encoding="utf-8")
        return create_app(Settings(fixture=str(path), max_sandboxes=1_000_000, log_level="error", **settings))

    return make


@pytest.fixture
def make_recipe_api(recipe_app: Callable[..., Flask], dialect: str) -> Callable[..., Api]:
    """An api in a new sandbox of a server with a recipe: `make_recipe_api(text, clock=START)`."""

    def make(recipe: str, **settings: Any) -> Api:
        return Api(recipe_app(recipe, **settings).test_client(), f"r{next(_numbers)}", dialect=dialect)

    return make


@pytest.fixture
def timed(make_recipe_api: Callable[..., Api]) -> Api:
    """An api of a server that starts from the recipe of `tests.support`, its clock frozen at `START`."""
    api = make_recipe_api(RECIPE, clock=START)
    api.set_clock(START.isoformat())
    return api


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Threads of this process take turns every microsecond: a lock that is missing shows."""
    with frequent_thread_switches():
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The base URL of a real server with the default fixture."""
    with running_server() as (url, _):
        yield url
