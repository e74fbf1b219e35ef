"""A release: the changelog has its version, and each deprecated name with the version that removes it."""

from __future__ import annotations

import hashlib
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from mock_server import __version__
from mock_server.client import Sandbox
from mock_server.deprecation import REMOVED_IN

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def release() -> ModuleType:
    """tools/release.py, which is in no package."""
    spec = spec_from_file_location("release", ROOT / "tools" / "release.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def deprecated_names() -> set[str]:
    """The old names that still work, from the places where the code declares them."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mock_server").rglob("*.py"))
    methods = {
        name for name, value in vars(Sandbox).items() if (value.__doc__ or "").startswith("Deprecated: use")
    }
    tables = "".join(re.findall(r"^_RENAMED = (\{.*\})$", sources, re.MULTILINE))
    members = re.findall(r'announce_renamed_member\(.*"(\w+)", "\w+"\)', sources)
    return methods | set(re.findall(r'"([\w-]+)":', tables)) | set(members)


def test_the_changelog_has_the_notes_of_this_version(release: ModuleType) -> None:
    notes = release.notes_of(__version__, CHANGELOG)

    assert notes
    assert release.notes_of("9.9.9", CHANGELOG) is None


def test_the_changelog_lists_each_deprecated_name_once() -> None:
    section = CHANGELOG.split("### Deprecated names")[1].split("\n### ")[0]

    assert f"until version {REMOVED_IN}" in section
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) == sorted(deprecated_names())


def test_the_checksums_are_those_of_all_files(release: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "b.whl").write_bytes(b"wheel")
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "SHA256SUMS").write_text("old")

    lines = release.checksums(tmp_path).splitlines()

    files = (("a.json", b"{}"), ("b.whl", b"wheel"))
    assert lines == [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in files]
