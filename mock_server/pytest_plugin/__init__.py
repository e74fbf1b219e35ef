"""The pytest plugin: a sandbox for each test, in this process or on a server that runs already.

It costs nothing where it is not used: server and client are imported by the fixtures. docs/pytest.md tells
how it is used.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.pytest_plugin import options

if TYPE_CHECKING:
    from mock_server.client import Sandbox, Server
    from mock_server.pytest_plugin.held import Held

_SCENARIO = "dossiers_scenario"
_UNMATCHED = "dossiers_unmatched"
_HELD: pytest.StashKey[Held] = pytest.StashKey()
"""Where a test has its sandbox, for its report."""

_Phase = Generator[None, Any, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each with its line of an ini file."""
    group = parser.getgroup("dossiers", "sandbox of the dossiers API")
    for option in options.OPTIONS:
        group.addoption(option.flag, dest=option.name, metavar=option.metavar, help=option.help)
        parser.addini(option.name, option.help)


def pytest_configure(config: pytest.Config) -> None:
    """The marks; a wrong option stops the run."""
    config.addinivalue_line("markers", f"{_SCENARIO}(name): the scenario that plays in the test's sandbox.")
    config.addinivalue_line(
        "markers", f'{_UNMATCHED}("ignore"): what comes of a path that the API does not have.'
    )
    options.check(config)


@pytest.fixture(scope="session")
def dossiers_settings() -> Mapping[str, object]:
    """Settings of the server in this process, as `mock-server serve` has them: override it with your own.

    `{"dialect": "edge", "import_duration": "0"}`; a server that runs already has been told its own.
    """
    return {}


@pytest.fixture(scope="session")
def dossiers_server(pytestconfig: pytest.Config, dossiers_settings: Mapping[str, object]) -> Iterator[Server]:
    """The server of all tests: one in this process, or with --dossiers-sandbox-url the one there."""
    from mock_server.pytest_plugin.providing import provided

    with provided(pytestconfig, dossiers_settings) as server:
        yield server


@pytest.fixture
def dossiers_sandbox(request: pytest.FixtureRequest, dossiers_server: Server) -> Iterator[Sandbox]:
    """A sandbox of the test's own, as after the start, or playing the scenario of its mark."""
    from mock_server.pytest_plugin.held import Held, sandbox_name

    sandbox = dossiers_server.sandbox(sandbox_name(request.node.name))
    held = Held(sandbox, dossiers_server, is_own=not options.value(request.config, "dossiers_sandbox_url"))
    request.node.stash[_HELD] = held
    held.play(request.node.get_closest_marker(_SCENARIO), request.path.parent)
    yield sandbox
    del request.node.stash[_HELD]
    held.drop()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A mark that would silently mean nothing is a mistake."""
    marked = [name for name in (_SCENARIO, _UNMATCHED) if item.get_closest_marker(name)]
    if marked and "dossiers_sandbox" not in getattr(item, "fixturenames", ()):
        pytest.fail(
            f"{item.name} is marked {marked[0]}, and does not use the fixture dossiers_sandbox", pytrace=False
        )
    try:
        options.unmatched(item, _UNMATCHED)
    except ValueError as mistake:
        raise pytest.fail.Exception(str(mistake), pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> _Phase:
    """A test whose client met a path that the API does not have fails with that, not with what followed."""
    held = item.stash.get(_HELD, None)
    if held is None or options.unmatched(item, _UNMATCHED) == "ignore":
        return (yield)
    try:
        outcome = yield
    except (Exception, pytest.fail.Exception) as failure:
        held.refuse_unmatched(failure)
        raise
    held.refuse_unmatched()
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> _Phase:
    """The report of a failed test has the journal of its sandbox."""
    report: pytest.TestReport = yield
    held = item.stash.get(_HELD, None)
    if held is not None and report.failed and call.when != "teardown":
        report.sections.append(held.section())
    return report
