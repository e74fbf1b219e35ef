"""The wheel: what is in it, and that a server starts from it anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests

from mock_server.compare.selection import PROBES
from mock_server.fixtures.library import bundled_names
from tests.support import running_server

ROOT = Path(__file__).parent.parent
SOURCES = ["mock_server", "fixtures", "scenarios", "pyproject.toml", "README.md", "LICENSE"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once from a copy of the sources: nothing is left behind in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    sources.mkdir()
    subprocess.run(["cp", "-r", *(str(ROOT / name) for name in SOURCES), str(sources)], check=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), "."]
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


@pytest.mark.parametrize(
    "name",
    [
        "mock_server/py.typed",
        *(f"mock_server/contract/{name}.json" for name in ("bodies", "common", "edge", "rest")),
        "mock_server/__main__.py",
        *(f"mock_server/_data/fixtures/{name}.yaml" for name in bundled_names("fixtures")),
        *(f"mock_server/_data/scenarios/{name}.yaml" for name in bundled_names("scenarios")),
        *(f"mock_server/compare/probes/{path.name}" for path in PROBES.glob("*.yaml")),
    ],
)
def test_the_wheel_contains(names: set[str], name: str) -> None:
    assert name in names


def test_the_wheel_contains_every_module_and_data_file_of_the_package(names: set[str]) -> None:
    package = ROOT / "mock_server"
    files = {path.relative_to(ROOT) for path in package.rglob("*") if path.is_file()}

    expected = {path.as_posix() for path in files if "__pycache__" not in path.parts}

    assert expected - names == set()


def test_the_wheel_contains_the_generated_worlds(names: set[str]) -> None:
    states = {f"mock_server/_data/fixtures/states/{p.name}" for p in (ROOT / "fixtures/states").glob("*")}

    assert states - names == set()


def test_the_wheel_contains_no_tests_or_documentation(names: set[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in names} == {"mock_server", "dossiers_mock_server"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_declares_the_command_and_the_python_it_needs(wheel: Path, names: set[str]) -> None:
    described = {name.rpartition("/")[2]: name for name in names if ".dist-info/" in name}
    with ZipFile(wheel) as archive:
        metadata = archive.read(described["METADATA"]).decode()
        entry_points = archive.read(described["entry_points.txt"]).decode()

    assert "Requires-Python: >=3.11" in metadata
    assert "mock-server = mock_server.cli:main" in entry_points
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
