"""Generate clients from the OpenAPI documents, compile them, and use them: `make clients`.

Each tool generates a client from the document of each dialect and of the control API. The client is compiled (`javac`,
`tsc --strict`, mypy), and a program of `tools/clients/` makes the usual calls with it: log in, search, page, import,
poll, update, stop, download a file. Spectral and Redocly check the documents. The last lines are a table.

A tool whose program is missing fails its rows; the table names the program. Arguments select rows:
`--tool java --tool typescript --document rest`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import requests

from mock_server.cli.own_server import own_server

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tools" / "clients"
INSTALLED = ROOT / ".clients"
PYTHON = INSTALLED / "bin" / "python"
NODE_TOOLS = INSTALLED / "node_modules" / ".bin"
DOCUMENTS = {"rest": "/rest/openapi.json", "edge": "/edge/openapi.json", "control": "/__admin/openapi.json"}
BASES = {"rest": "/rest/api/v1", "edge": "/edge/api/v1", "control": ""}

DEBIAN = Path("/usr/share/java")
JARS = ("httpmime.jar", "httpclient.jar", "httpcore.jar", "geronimo-annotation-1.3-spec.jar")
"""What the generated Java client needs, besides the Jackson and the annotations that are in openapi-generator itself.

Debian and Ubuntu have them in libhttpmime-java and libgeronimo-annotation-1.3-spec-java.
"""

EDGE = {
    "getFileId": "getId",
    "FileInformationList": "EvidenceList",
    "file_information_list": "evidence_list",
    ".fileId": ".id",
    ".file_id": ".id",
    "true, null, 1L": "true, null, null, 1L",
    "null, null, 0L": "null, null, null, 0L",
}
"""What differs in the programs for EDGE: the names of files and of their id, and the parameter `op` of a search."""


class Failed(Exception):  # a step failed
    """A step of a row failed; the message has the output."""


class Job(NamedTuple):
    """One row: the document, its file, a folder to work in, and the arguments of the program."""

    document: str
    file: Path
    folder: Path
    arguments: tuple[str, str]

    def program(self, name: str, target: str) -> None:
        """Copy the program for the document into the folder, with what differs for EDGE."""
        stem = "control" if self.document == "control" else "life"
        text = (SOURCE / name.format(stem=stem, Stem=stem.capitalize())).read_text(encoding="utf-8")
        for rest, edge in EDGE.items() if self.document == "edge" else ():
            text = text.replace(rest, edge)
        (self.folder / target).write_text(text, encoding="utf-8")


Steps = dict[str, Callable[[Job], None]]


def generate_with_openapi_generator(language: str, job: Job, *options: str) -> None:
    """Generate without documentation and tests of the generated code."""
    less = "apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"
    command = ["java", "-jar", str(generator_jar()), "generate", "-g", language, "-i", str(job.file)]
    output = run([*command, "-o", ".", "--global-property", less, *options], job.folder)
    errors = [line for line in output.splitlines() if " ERROR " in line]
    if errors:
        raise Failed("\n".join(errors))


def generator_jar() -> Path:
    """Return the jar of openapi-generator in its Python package."""
    return next(INSTALLED.glob("lib/python*/site-packages/openapi_generator_cli/openapi-generator.jar"))


def generate_java(job: Job) -> None:
    """Write the client for `java.net.http` and Jackson."""
    options = ["--library", "native", "--additional-properties", "openApiNullable=false"]
    generate_with_openapi_generator("java", job, *options)


def compile_java(job: Job) -> None:
    """Compile the client and the program."""
    job.program("{Stem}.java", "Main.java")
    main = job.folder / "Main.java"
    main.write_text(
        main.read_text().replace("class Life", "class Main").replace("class Control", "class Main")
    )
    sources = [str(path) for path in (job.folder / "src/main").rglob("*.java")]
    command = ["javac", "-nowarn", "-proc:none", "-d", "classes", "-cp", class_path(), *sources, "Main.java"]
    run(command, job.folder)


def run_java(job: Job) -> None:
    """Run the program."""
    run(["java", "-cp", f"classes:{class_path()}", "Main", *job.arguments], job.folder)


def class_path() -> str:
    """Return the jars of the client."""
    return ":".join([str(generator_jar()), *(str(DEBIAN / name) for name in JARS)])


def generate_python(job: Job) -> None:
    """Write the package of openapi-generator for Python."""
    generate_with_openapi_generator("python", job)


def generate_with_python_client(job: Job) -> None:
    """Write the package of openapi-python-client; a warning is an error."""
    files = ["--path", str(job.file), "--output-path", "generated_client"]
    config = ["--config", str(SOURCE / "openapi-python-client.yaml")]
    command = [str(PYTHON), "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]
    run([*command, *config, *files], job.folder)


def compile_python(job: Job) -> None:
    """Check the types of the program against the package."""
    package = "generated_client" if (job.folder / "generated_client").is_dir() else "openapi_client"
    suffix = "client" if package == "generated_client" else "generator"
    job.program(f"{{stem}}_{suffix}.py", "main.py")
    config = ["--config-file", str(SOURCE / "mypy.ini"), "--cache-dir", str(INSTALLED / ".mypy_cache")]
    run([str(PYTHON), "-m", "mypy", *config, "main.py"], job.folder)


def run_python(job: Job) -> None:
    """Run the program; warnings of the package are errors."""
    run([str(PYTHON), "-W", "error", "main.py", *job.arguments], job.folder)


def generate_typescript(job: Job) -> None:
    """Write the types for openapi-fetch."""
    options = ["--default-non-nullable=false", "-o", "schema.ts"]  # a member with a default may be left out
    run([str(NODE_TOOLS / "openapi-typescript"), str(job.file), *options], job.folder)


def compile_typescript(job: Job) -> None:
    """Compile the program."""
    job.program("{stem}.ts", "main.ts")
    shutil.copy(SOURCE / "tsconfig.json", job.folder)
    run([str(NODE_TOOLS / "tsc"), "--project", "tsconfig.json"], job.folder)


def run_typescript(job: Job) -> None:
    """Run the program."""
    run(["node", "main.js", *job.arguments], job.folder)


def lint_with_spectral(job: Job) -> None:
    """Report any result as an error."""
    rules = ["--ruleset", str(SOURCE / "spectral.yaml"), "--fail-severity", "hint"]
    run([str(NODE_TOOLS / "spectral"), "lint", *rules, str(job.file)], job.folder)


def lint_with_redocly(job: Job) -> None:
    """Report any result as an error."""
    shutil.copy(SOURCE / "redocly-ignore.yaml", job.file.parent / ".redocly.lint-ignore.yaml")
    shutil.copy(SOURCE / "redocly.yaml", job.file.parent)  # the other file must be next to it
    config = ["--config", "redocly.yaml", "--format", "stylish"]
    run([str(NODE_TOOLS / "redocly"), "lint", *config, job.file.name], job.file.parent)


TOOLS: dict[str, Steps] = {
    "java": {"generated": generate_java, "compiled": compile_java, "ran": run_java},
    "python": {"generated": generate_python, "compiled": compile_python, "ran": run_python},
    "python-client": {
        "generated": generate_with_python_client,
        "compiled": compile_python,
        "ran": run_python,
    },
    "typescript": {
        "generated": generate_typescript,
        "compiled": compile_typescript,
        "ran": run_typescript,
    },
    "spectral": {"checked": lint_with_spectral},
    "redocly": {"checked": lint_with_redocly},
}
COLUMNS = ("generated", "compiled", "ran", "checked")


def missing(tool: str) -> str:
    """Return what the tool needs and this machine does not have, empty if nothing is missing."""
    needs = {"java": ["java", "javac"], "python": ["java"], "python-client": []}.get(tool, ["node"])
    absent = [name for name in needs if shutil.which(name) is None]
    if "node" in needs and not NODE_TOOLS.is_dir():
        absent.append("npm")
    if tool == "java":
        absent += [str(DEBIAN / name) for name in JARS if not (DEBIAN / name).is_file()]
    return ", ".join(absent)


@click.command(help=__doc__)
@click.option("--tool", "tools", multiple=True, type=click.Choice(list(TOOLS)), help="Only this tool.")
@click.option(
    "--document", "documents", multiple=True, type=click.Choice(list(DOCUMENTS)), help="Only this one."
)
def main(tools: tuple[str, ...], documents: tuple[str, ...]) -> None:
    """Run the rows, print the table; exit with 1 if a row failed."""
    asked = [(tool, document) for tool in tools or TOOLS for document in documents or DOCUMENTS]
    rows = {
        (tool, document): dict.fromkeys(TOOLS[tool], f"MISSING: {missing(tool)}")
        for tool, document in asked
        if missing(tool)
    }
    if len(rows) < len(asked):
        with folder() as work, own_server("--import-duration", "50ms", "--check-responses") as url:
            for tool, document in asked:
                if (tool, document) not in rows:
                    rows[tool, document] = row(tool, document, url, work)
    print_table(rows)
    if any(not cell.endswith(" s") for cells in rows.values() for cell in cells.values()):
        sys.exit(1)


def row(tool: str, document: str, url: str, work: Path) -> dict[str, str]:
    """Return the cell of each step: its seconds, or why it did not succeed; later steps are not run."""
    cells = dict.fromkeys(TOOLS[tool], "-")
    job = prepare(tool, document, url, work)
    for name, step in TOOLS[tool].items():
        began = time.monotonic()
        try:
            step(job)
        except Failed as failure:
            print(f"\n{tool}, {document}, not {name}:\n{failure}\n", flush=True)
            return cells | {name: "FAILED"}
        cells[name] = f"{time.monotonic() - began:.1f} s"
    return cells


def prepare(tool: str, document: str, url: str, work: Path) -> Job:
    """Save the document; in a sandbox for this row, give the document of the example a file."""
    job_folder = work / tool / document
    job_folder.mkdir(parents=True)
    file = work / tool / f"{document}.json"
    found = requests.get(url + DOCUMENTS[document], timeout=10).json()
    for item in found["paths"].values():
        for server in item.get("servers", []):
            server["url"] = url + server["url"].rstrip("/")  # as with --public-url
    file.write_text(json.dumps(found, indent=1), encoding="utf-8")
    sandbox = f"{tool}-{document}"
    if document == "control":
        return Job(document, file, job_folder, (url, sandbox))
    evidence = f"{url}/__admin/dossiers/804127/documents/I2/evidences"
    requests.post(evidence, json={}, headers={"X-Mock-Sandbox": sandbox}, timeout=10).raise_for_status()
    return Job(document, file, job_folder, (url + BASES[document], f"api+{sandbox}@example.com"))


def run(command: list[str], folder: Path) -> str:
    """Run a command, and return what it printed.

    Raises:
        Failed: its exit code is not 0.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{Path(command[0]).name} ended with {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def environment() -> Mapping[str, str]:
    """Return the environment of the tools: none reports its use, or looks for a newer version."""
    return os.environ | {
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        "NO_COLOR": "1",
    }


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder for the clients; it stays, so that a developer can read them."""
    work = INSTALLED / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    (work / "package.json").write_text('{"type": "module"}')
    yield work


def print_table(rows: dict[tuple[str, str], dict[str, str]]) -> None:
    """Print a row per tool and document."""
    print(f"| tool | document | {' | '.join(COLUMNS)} |\n|{' --- |' * (len(COLUMNS) + 2)}")
    for (tool, document), cells in rows.items():
        print(f"| {tool} | {document} | {' | '.join(cells.get(name, '') for name in COLUMNS)} |")


if __name__ == "__main__":
    main()
