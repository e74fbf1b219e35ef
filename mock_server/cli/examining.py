"""What `mock-server doctor` finds on this machine, and what a start with this environment would meet."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version

from mock_server import __version__
from mock_server.cli.environment import given_variables
from mock_server.cli.findings import Finding
from mock_server.cli.scenario_options import trial
from mock_server.clock import real_now
from mock_server.fixtures.errors import FileError
from mock_server.pages import CLOCKS, COMMANDS, PROXY
from mock_server.settings import Settings, local_url

_LIBRARIES = ("flask", "httptools", "msgspec", "immutables", "pyjwt", "click")
_PROXIES = ("http_proxy", "all_proxy")
_FIRST_YEAR = 2026
"""No machine whose clock is right runs this in an earlier one."""


def of_this_machine() -> Iterator[Finding]:
    """What there is, whichever server is meant."""
    yield Finding("version", "ok", f"mock-server {__version__}")
    yield Finding("Python", "ok", f"{platform.python_implementation()} {platform.python_version()}")
    yield Finding("platform", "ok", platform.platform())
    yield Finding("libraries", "ok", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES))
    yield _clock()
    yield _proxy()


def of_a_start(settings: Settings, mistakes: list[str]) -> Iterator[Finding]:
    """What `mock-server serve` would meet, configured by the environment alone."""
    yield from _settings(mistakes)
    yield _port(settings)
    yield _fixture(settings)
    yield from _scenarios(settings)


def _clock() -> Finding:
    now = real_now()
    shown = now.isoformat(timespec="seconds")
    if now.year < _FIRST_YEAR:
        return Finding(
            "clock", "wrong", shown, f"set this machine's clock: tokens expire by it; see {CLOCKS}"
        )
    return Finding("clock", "ok", shown)


def _proxy() -> Finding:
    """Clients that honour these variables would look for a local sandbox behind the proxy."""
    set_here = [name for name in (*_PROXIES, *map(str.upper, _PROXIES)) if os.environ.get(name)]
    spared = f"{os.environ.get('no_proxy', '')},{os.environ.get('NO_PROXY', '')}"
    if not set_here:
        return Finding("proxy", "ok", "none in the environment")
    shown = ", ".join(f"{name}={os.environ[name]}" for name in set_here)
    if "*" in spared or {"127.0.0.1", "localhost"} <= {name.strip() for name in spared.split(",")}:
        return Finding("proxy", "ok", f"{shown}; not for this machine")
    remedy = f"say NO_PROXY=127.0.0.1,localhost, or your client asks the proxy for the sandbox; see {PROXY}"
    return Finding("proxy", "note", shown, remedy)


def _settings(mistakes: list[str]) -> Iterator[Finding]:
    given = ", ".join(f"{name}={value}" for name, value in given_variables().items())
    yield Finding("settings", "ok", given or "none in the environment: the defaults")
    for mistake in mistakes:
        yield Finding(
            "settings", "wrong", mistake, f"correct the variable, or unset it; see {COMMANDS['serve']}"
        )


def _port(settings: Settings) -> Finding:
    from mock_server import server

    try:
        server.bind(settings.host, settings.port).close()
    except server.PortMistake as mistake:
        url = local_url(settings.host, settings.port)
        if _is_ours(url):
            remedy = f"mock-server doctor --base-url {url} examines it"
            return Finding("port", "note", f"{mistake}: a mock-server runs there", remedy)
        remedy = f"say another one: --port 0 picks a free one; see {COMMANDS['serve']}"
        return Finding("port", "wrong", str(mistake), remedy)
    port = f"port {settings.port}: free" if settings.port else "a port picked at the start"
    return Finding("port", "ok", f"{settings.host}, {port}")


def _is_ours(url: str) -> bool:
    from mock_server.scenarios.target import NoTarget, find_target

    try:
        return find_target(url).sandbox_server is not None
    except NoTarget:
        return False


def _fixture(settings: Settings) -> Finding:
    from mock_server.fixtures import load_fixture

    now = real_now()
    try:
        world = load_fixture(settings.fixture, now.date(), settings.fixtures_dir).world(now)
    except FileError as mistake:
        return Finding("fixture", "wrong", str(mistake), f"correct it there; see {COMMANDS['fixtures']}")
    dossiers = sum(len(portfolio.dossiers) for portfolio in world.portfolios.values())
    return Finding(
        "fixture", "ok", f"{settings.fixture}: {len(world.portfolios)} accounts, {dossiers:,} dossiers"
    )


def _scenarios(settings: Settings) -> Iterator[Finding]:
    """Those there are, and the one that every sandbox is to play."""
    from mock_server.scenarios.files import check_files, find_scenario, scenario_files

    remedy = f"correct it there; see {COMMANDS['scenarios']}"
    try:
        played = [find_scenario(settings.scenario, settings.scenarios_dir)] if settings.scenario else []
        files = [*dict.fromkeys([*scenario_files(settings.scenarios_dir), *played])]
        mistakes = check_files(files, trial(settings.fixtures_dir))
    except FileError as mistake:
        files, mistakes = [], [mistake]
    if not mistakes:
        plays = f"; every sandbox plays {settings.scenario}" if settings.scenario else ""
        yield Finding("scenarios", "ok", f"{len(files)} checked, no mistake{plays}")
    for found in mistakes:
        yield Finding("scenarios", "wrong", str(found), remedy)
