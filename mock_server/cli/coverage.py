"""`mock-server coverage`: merge, show and compare what suites reached of the API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mock_server.cli import output
from mock_server.tables import FORMATS, Table
from mock_server.values import file_problem

if TYPE_CHECKING:
    from mock_server.client.coverage import SuiteCoverage

_FORMAT = click.option(
    "--format", "kind", type=click.Choice((*FORMATS, "json")), default="text", show_default=True
)


@click.group(cls=output.CommandGroup)
def coverage() -> None:
    """Merge, show and compare the coverage of test runs.

    A file is one of `pytest --dossiers-coverage=FILE`, or an answer of GET /__admin/coverage.
    """


@coverage.command("merge")
@click.argument("files", nargs=-1, required=True, type=output.FILE)
@output.out_option("The merged file.")
def merge_files(files: tuple[Path, ...], out: Path | None) -> None:
    """Add the coverage of several runs, such as the jobs of a pipeline."""
    from mock_server.client.coverage import merge

    output.need_folder("--out", out)
    output.write_out(out, merge(map(_read, files)).to_json())


@coverage.command()
@click.argument("file", type=output.FILE)
@click.option("--min", "minimum", type=click.IntRange(0, 100), help="Exit 1 below this percentage.")
@click.option(
    "--exclude", multiple=True, metavar="'NAME: REASON'", help="Do not count this; repeat it for several."
)
@_FORMAT
@output.out_option("The file to write.")
def report(file: Path, minimum: int | None, exclude: Sequence[str], kind: str, out: Path | None) -> None:
    """Show what was reached, and what never."""
    output.need_folder("--out", out)
    result = _read(file)
    with output.end_command_at(ValueError, prefix="--exclude: ", error=click.UsageError):
        result = result.exclude(exclude)
    text = (
        result.to_json() if kind == "json" else FORMATS[kind]("Coverage of the dossiers API", result.tables())
    )
    output.write_out(out, text)
    if minimum is not None and result.percent < minimum:
        raise click.ClickException(f"{file}: {result.sentence} --min is {minimum} %.")


@coverage.command()
@click.argument("baseline", type=output.FILE)
@click.argument("file", type=output.FILE)
@_FORMAT
@output.out_option("The file to write.")
def diff(baseline: Path, file: Path, kind: str, out: Path | None) -> None:
    """Compare with a baseline; exit 1 if something is no longer reached."""
    from mock_server.client.coverage import compare

    output.need_folder("--out", out)
    lost, gained = compare(_read(baseline), _read(file))
    rows = [("no longer reached", name) for name in lost] + [("newly reached", name) for name in gained]
    if kind == "json":
        text = json.dumps({"noLongerReached": lost, "newlyReached": gained}, indent=2)
    else:
        sentence = f"{len(lost)} no longer reached, {len(gained)} newly reached."
        text = FORMATS[kind](
            "Change of coverage", [Table("Compared with the baseline", ("change", "item"), rows, sentence)]
        )
    output.write_out(out, text)
    if lost:
        raise click.ClickException(f"this run no longer reaches {', '.join(lost)}")


def _read(path: Path) -> SuiteCoverage:
    from mock_server.client.coverage import read_coverage

    try:
        return read_coverage(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise click.ClickException(file_problem(path, error)) from None
    except ValueError as error:
        raise click.ClickException(f"{path}: {error}") from None
