"""Check a built release and add what belongs to it: `make release`, after `make build`.

The wheel is installed in an empty environment, where it does its main job. `dist/` then also has the software bill
of materials (CycloneDX, by cyclonedx-py) of that environment, the notes of the changelog, and checksums.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
NAME = "dossiers-mock-server"
NOTES = "RELEASE_NOTES.md"
CHECKSUMS = "SHA256SUMS"

_MAIN_JOB = (
    ("--version",),
    ("doctor",),  # starts a server, logs in, searches, makes a control call
    ("scenarios", "run", "duplicate-reference-on-import"),
    ("explain", "start#options"),
)
"""Commands that show that the wheel contains all it needs: code, fixtures, scenarios, pages."""


def main() -> int:
    """Check and complete `dist/`; return the exit status."""
    version = _version()
    notes = notes_of(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if notes is None:
        print(f"release: CHANGELOG.md has no section '## {version} - YYYY-MM-DD'", file=sys.stderr)
        return 1
    dist = ROOT / "dist"
    wheels = list(dist.glob(f"*-{version}-*.whl"))
    if len(wheels) != 1:
        print(f"release: dist/ has no wheel of version {version}: run `make release`", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        _install(wheels[0], environment)
        _do_main_job(environment, Path(folder))
        materials = dist / f"{NAME}-{version}.cdx.json"
        _write_materials(environment, materials, version)
    (dist / NOTES).write_text(notes, encoding="utf-8")
    (dist / CHECKSUMS).write_text(checksums(dist), encoding="utf-8")
    print((dist / CHECKSUMS).read_text(encoding="utf-8"), end="")
    return 0


def notes_of(version: str, changelog: str) -> str | None:
    """Return the section of a version, without its heading; None if the changelog has none with a date."""
    found = re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n+(.*?)(?=^## |\Z)",
        changelog,
        re.MULTILINE | re.DOTALL,
    )
    return found[1].rstrip() + "\n" if found else None


def checksums(folder: Path) -> str:
    """Return a line per file of a folder, as `sha256sum --check` reads them."""
    files = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def _version() -> str:
    text = (ROOT / "mock_server" / "__init__.py").read_text(encoding="utf-8")
    [found] = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(found)


def _install(wheel: Path, environment: Path) -> None:
    """Create an environment that has the wheel and its dependencies, and nothing else."""
    print(f"installing {wheel.name} in an empty environment", flush=True)
    venv.create(environment)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--disable-pip-version-check", str(wheel)], check=True)


def _do_main_job(environment: Path, folder: Path) -> None:
    """Run the commands of the wheel in an empty folder; one that fails ends the release."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_SERVER_")}
    for arguments in _MAIN_JOB:
        print(f"$ mock-server {' '.join(arguments)}", flush=True)
        command = [str(environment / "bin" / "mock-server"), *arguments]
        subprocess.run(command, cwd=folder, env=inherited | {"MOCK_SERVER_PORT": "0"}, check=True)


def _write_materials(environment: Path, path: Path, version: str) -> None:
    """Write the bill of materials: the versions that are installed with the wheel on this machine."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", str(environment)]
    command += [
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--output-reproducible",
        "--output-file",
        str(path),
    ]
    subprocess.run(command, check=True)
    materials = json.loads(path.read_text(encoding="utf-8"))
    # pyproject.toml has no version: hatchling reads it from the package.
    materials["metadata"]["component"] |= {"version": version, "purl": f"pkg:pypi/{NAME}@{version}"}
    path.write_text(json.dumps(materials, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
