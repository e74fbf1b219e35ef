"""The wheel: its files, and a server that starts from it in any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests

from tests.support import running_server

ROOT = Path(__file__).parent.parent
SOURCES = ["mock_server", "docs", "fixtures", "scenarios", "pyproject.toml", "README.md", "LICENSE"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once from a copy of the sources, so that the checkout stays unchanged."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    sources.mkdir()
    subprocess.run(["cp", "-r", *(str(ROOT / name) for name in SOURCES), str(sources)], check=True)
    # With the builder of this environment, if there is one: pip would install another one first.
    builder = ["--no-build-isolation"] if find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *builder, "-w", str(folder), "."]
    built = subprocess.run(command, cwd=sources, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stderr
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    folder = wheel.parent / "unpacked"
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_contains_every_module_and_data_file_and_nothing_else(names: set[str]) -> None:
    def below(folder: str, target: str) -> set[str]:
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        return {
            f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
            for path in files
            if "__pycache__" not in path.parts
        }

    expected = below("mock_server", "mock_server")
    for folder in ("docs", "fixtures", "scenarios"):
        expected |= below(folder, f"mock_server/_data/{folder}")
    assert {
        "mock_server/_data/docs/control.md",
        "mock_server/py.typed",
        "mock_server/_data/fixtures/default.yaml",
    } < expected

    assert {name for name in names if ".dist-info/" not in name} == expected


def test_the_wheel_declares_its_command_plugin_and_python_version(wheel: Path, names: set[str]) -> None:
    described = {name.rpartition("/")[2]: name for name in names if ".dist-info/" in name}
    with ZipFile(wheel) as archive:
        metadata = archive.read(described["METADATA"]).decode()
        entry_points = archive.read(described["entry_points.txt"]).decode()

    assert "Requires-Python: >=3.11" in metadata
    assert "mock-server = mock_server.__main__:main" in entry_points
    assert "[pytest11]\ndossiers_sandbox = mock_server.pytest_plugin\n" in f"{entry_points}\n"


@pytest.mark.parametrize("fixture", ["default", "empty"])
def test_a_server_starts_from_the_wheel_in_any_folder(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixture: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with running_server("--fixture", fixture, PYTHONPATH=str(unpacked)) as (url, _):
        health = requests.get(f"{url}/__admin/health", timeout=5).json()

    assert (health["status"], health["fixture"]) == ("UP", fixture)


def test_the_package_that_starts_is_the_one_of_the_wheel(unpacked: Path, tmp_path: Path) -> None:
    code = "import mock_server; print(mock_server.__file__)"

    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.strip() == str(unpacked / "mock_server" / "__init__.py")
