"""The pytest plugin: a sandbox for each test, on a server of the run or on one that runs already.

Without its fixtures it costs nothing: they import server and client. The page pytest.md explains its use.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.pytest_plugin import options

if TYPE_CHECKING:
    from mock_server.client import Sandbox, Server
    from mock_server.pytest_plugin.coverage import CoveragePlugin
    from mock_server.pytest_plugin.sandbox import TestSandbox

_SCENARIO = "dossiers_scenario"
_UNMATCHED = "dossiers_unmatched"
_COVERAGE = "dossiers-coverage"
"""The plugin for the coverage of the run, registered if an option asks for it."""
_SANDBOX: pytest.StashKey[TestSandbox] = pytest.StashKey()
"""The key under which a test keeps its sandbox for the report."""

_Phase = Generator[None, Any, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options to the command line and the ini file."""
    group = parser.getgroup("dossiers", "sandbox of the dossiers API")
    for option in options.OPTIONS:
        group.addoption(option.flag, dest=option.name, metavar=option.metavar, help=option.help)
        parser.addini(option.name, option.help)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks; a wrong option ends the run."""
    config.addinivalue_line(
        "markers", f"{_SCENARIO}(name): the scenario that the test's sandbox starts with."
    )
    config.addinivalue_line(
        "markers", f'{_UNMATCHED}("ignore"): the test may call paths that the API does not have.'
    )
    options.check(config)
    if any(options.value(config, name) for name in options.COVERAGE):
        from mock_server.pytest_plugin.coverage import CoveragePlugin

        config.pluginmanager.register(CoveragePlugin(config), _COVERAGE)


@pytest.fixture(scope="session")
def dossiers_settings() -> Mapping[str, object]:
    """Settings of the server of the run, as of `mock-server serve`; override this fixture with your own.

    Example: `{"dialect": "edge", "import_duration": "0"}`. A server that runs already keeps its own.
    """
    return {}


@pytest.fixture(scope="session")
def dossiers_server(pytestconfig: pytest.Config, dossiers_settings: Mapping[str, object]) -> Iterator[Server]:
    """The server of all tests: a child process of this one, or the server of --dossiers-sandbox-url."""
    from mock_server.pytest_plugin.sandbox import open_server

    with open_server(pytestconfig, dossiers_settings) as server:
        yield server


@pytest.fixture
def dossiers_sandbox(request: pytest.FixtureRequest, dossiers_server: Server) -> Iterator[Sandbox]:
    """A new sandbox for the test, with the scenario of its mark."""
    from mock_server.pytest_plugin.sandbox import TestSandbox

    test_sandbox = TestSandbox(
        dossiers_server,
        request.node.name,
        is_shared=bool(options.value(request.config, "dossiers_sandbox_url")),
        strict=options.value(request.config, "dossiers_strict"),
        keep_failed=options.value(request.config, "dossiers_keep_failed") == "yes",
    )
    test_sandbox.ignores_unmatched = options.unmatched(request.node, _UNMATCHED) == "ignore"
    request.node.stash[_SANDBOX] = test_sandbox
    test_sandbox.play(request.node.get_closest_marker(_SCENARIO), request.path.parent)
    yield test_sandbox.sandbox
    del request.node.stash[_SANDBOX]
    coverage: CoveragePlugin | None = request.config.pluginmanager.get_plugin(_COVERAGE)
    if coverage is not None:
        coverage.add(test_sandbox.sandbox)
    test_sandbox.end()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose mark has no effect."""
    marked = [name for name in (_SCENARIO, _UNMATCHED) if item.get_closest_marker(name)]
    if marked and "dossiers_sandbox" not in getattr(item, "fixturenames", ()):
        pytest.fail(
            f"{item.name} is marked {marked[0]}, and does not use the fixture dossiers_sandbox", pytrace=False
        )
    try:
        options.unmatched(item, _UNMATCHED)
    except ValueError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> _Phase:
    """Fail a test whose client made a call that the API does not have, with that call as the reason."""
    test_sandbox = item.stash.get(_SANDBOX, None)
    if test_sandbox is None:
        return (yield)
    try:
        outcome = yield
    except (Exception, pytest.fail.Exception) as failure:
        test_sandbox.check_calls(failure)
        raise
    test_sandbox.check_calls()
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> _Phase:
    """Add the journal of the sandbox to the report of a failed test, and export it as a scenario."""
    report: pytest.TestReport = yield
    test_sandbox = item.stash.get(_SANDBOX, None)
    if test_sandbox is not None and report.failed and call.when != "teardown":
        test_sandbox.has_failed = True
        folder = options.value(item.config, "dossiers_export")
        exported = test_sandbox.export(Path(folder), item.nodeid) if folder else None
        report.sections.append(test_sandbox.section(exported))
    return report
