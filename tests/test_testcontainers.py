"""The container for tests with Docker, on an engine that is none: what it would run, and when it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from mock_server.client import ControlRefused
from tests.support import running_server

container_module = pytest.importorskip("testcontainers.core.container")

PAGE = (Path(__file__).parent.parent / "docs" / "pytest.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def inside() -> Iterator[str]:
    """What answers in place of the container."""
    with running_server("--control-token", "open-sesame") as (url, _):
        yield url


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, inside: str) -> MagicMock:
    """A Docker client whose containers are that server."""
    engine = MagicMock()
    engine.create.return_value = MagicMock(id="c1", status="running")
    engine.get_connection_mode.return_value = container_module.ConnectionMode.docker_host
    engine.host.return_value = "127.0.0.1"
    engine.port.return_value = str(urlsplit(inside).port)
    monkeypatch.setattr(container_module, "DockerClient", lambda **_: engine)
    monkeypatch.setattr(container_module, "Reaper", MagicMock())
    return engine


def test_the_server_of_a_container_is_the_one_at_its_mapped_port(engine: MagicMock, inside: str) -> None:
    from mock_server.testcontainers import DossiersContainer

    with DossiersContainer(control_token="open-sesame").with_env("MOCK_SERVER_DIALECT", "edge") as container:
        sandbox = container.server.sandbox("gw3")
        sandbox.clock.freeze()
        assert "gw3" in container.server.sandboxes()
        assert sandbox.base_url == f"{inside}/api/v1"

    [image], chosen = engine.create.call_args
    assert image == "dossiers-mock-server"
    assert chosen["environment"] == {
        "MOCK_SERVER_CONTROL_TOKEN": "open-sesame",
        "MOCK_SERVER_DIALECT": "edge",
    }
    assert chosen["ports"] == {"8080": None}
    engine.create.return_value.remove.assert_called_once()


def test_a_container_without_the_token_is_refused(engine: MagicMock) -> None:
    from mock_server.testcontainers import DossiersContainer

    with DossiersContainer() as container, pytest.raises(ControlRefused, match="401"):
        container.server.sandboxes()

    assert engine.create.call_args.kwargs["environment"] == {}


@pytest.mark.usefixtures("engine")
def test_a_container_is_there_when_it_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    from mock_server.testcontainers import DossiersContainer

    answers, asked = iter([OSError("refused"), OSError("refused")]), []

    def answer(request: Any, **options: Any) -> Any:
        asked.append(urlsplit(request.full_url).path)
        for problem in answers:
            raise problem
        return urlopen(request, **options)  # noqa: S310  # that of the engine above

    monkeypatch.setattr("testcontainers.core.wait_strategies.urlopen", answer)
    monkeypatch.setattr("time.sleep", lambda _: None)

    with DossiersContainer():
        assert asked == ["/__admin/health"] * 3


def test_the_example_of_the_page_runs(engine: MagicMock) -> None:
    [example] = re.findall(r"```python\n(from mock_server.testcontainers .*?)```", PAGE, re.DOTALL)

    exec(compile(example, "docs/pytest.md", "exec"), {})  # noqa: S102  # the page is our own

    assert engine.create.call_args.args == ("dossiers-mock-server",)
