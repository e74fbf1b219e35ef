"""The one place where the tests learn which environment they run against.

`dossiers_sandbox` is of the plugin: a sandbox of the test's own, on a server that the run starts, or on that
of `DOSSIERS_SANDBOX_URL`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dossiers_client import DossiersClient, Environment
from mock_server.client import Sandbox

ACCOUNT = 119631


@pytest.fixture
def environment(dossiers_sandbox: Sandbox) -> Environment:
    """Where the API is, and who logs in."""
    return Environment(
        base_url=dossiers_sandbox.base_url,
        auth_url=dossiers_sandbox.auth_url,
        username=dossiers_sandbox.username,
        password=dossiers_sandbox.password,
    )


@pytest.fixture
def client(environment: Environment, dossiers_sandbox: Sandbox) -> Iterator[DossiersClient]:
    """The client under test. Where it would wait, the clock of its sandbox goes forward instead."""

    def sleep(seconds: float) -> None:
        dossiers_sandbox.clock.advance(seconds=seconds)

    with DossiersClient(environment, ACCOUNT, sleep=sleep) as client:
        yield client
