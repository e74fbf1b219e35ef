"""Change the code in one place at a time, and report the changes that no test detects.

    .venv/bin/python tools/planted_changes.py --count 100 --seed 1

The changes are distributed over the packages by size and drawn with a fixed seed. For each, the tests that run
the changed line are run first (known from one run of all tests with coverage, kept in .planted/), then, if none
fails, all tests. It changes files of this checkout and restores them: the checkout must have no uncommitted
change. With `--list` it shows the changes and runs nothing.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import coverage

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".planted"
DATA = FOLDER / "coverage"
RESULTS = FOLDER / "results.jsonl"
BIN = ROOT / ".venv" / "bin"
FIRST_TESTS = 60
"""How many of the tests that run a line are tried first."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
}


class Change(NamedTuple):
    """One change: its file below the root, its line, the text there and the text instead, and where it begins."""

    file: str
    line: int
    old: str
    new: str
    start: int

    @property
    def title(self) -> str:
        """A readable line about the change."""
        return f"{self.file}:{self.line}: {' '.join(self.old.split())[:70]!r} -> {' '.join(self.new.split())[:70]!r}"


def main() -> None:
    """Change, test, report; exit status 1 if tests detect less than the share `--least`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first change, to continue after a stop"
    )
    parser.add_argument("--least", type=float, default=0, help="share that a test must see, such as 0.97")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    planted = list(enumerate(draw(options.count, options.seed)))[options.first :]
    if options.list:
        sys.stdout.writelines(f"{number:3} {change.title}\n" for number, change in planted)
        return
    _prepare()
    seen = sum(_report(number, change) for number, change in planted)
    sys.stdout.write(f"{seen} of {len(planted)} changes made a test fail\n")
    sys.exit(seen < options.least * len(planted))


def draw(count: int, seed: int) -> list[Change]:
    """Draw changes from all modules, each line at most once; larger packages get more of them."""
    found: dict[tuple[str, int], list[Change]] = {}
    for path in sorted((ROOT / "mock_server").rglob("*.py")):
        for change in _changes(path):
            found.setdefault((change.file, change.line), []).append(change)
    generator = random.Random(seed)
    lines = generator.sample(sorted(found), min(count, len(found)))
    return [generator.choice(found[line]) for line in lines]


def _changes(path: Path) -> Iterator[Change]:
    source = path.read_text(encoding="utf-8")
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    for node in _nodes(ast.parse(source)):
        for replaced in _replacements(node):
            old = ast.get_source_segment(source, node)
            if old is not None:
                start = starts[node.lineno - 1] + node.col_offset
                yield Change(str(path.relative_to(ROOT)), node.lineno, old, replaced, start)


def _nodes(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Yield every statement and expression, without annotations and docstrings."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                if isinstance(node, (ast.expr, ast.stmt)):
                    yield node
                yield from _nodes(node)


def _replacements(node: ast.expr | ast.stmt) -> Iterator[str]:  # noqa: C901  # a table, a case per kind of node
    match node:
        case ast.Compare(left=left, ops=[op], comparators=comparators) if type(op) in COMPARISONS:
            yield ast.unparse(ast.Compare(left, [COMPARISONS[type(op)]()], comparators))
        case ast.BoolOp(op=op, values=values):
            other: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"({ast.unparse(ast.BoolOp(other, values))})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"bool({ast.unparse(operand)})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            yield f"({ast.unparse(ast.BinOp(left, OPERATORS[type(op)](), right))})"
        case ast.Constant(value=bool() as value):
            yield repr(not value)
        case ast.Constant(value=int() as value):
            yield repr(value + 1)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return None"
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield "pass"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.unparse(ast.IfExp(test, orelse, body))


def _prepare() -> None:
    """Check that there are no uncommitted changes, and find the tests that run each line."""
    if subprocess.run(
        ["git", "diff", "--quiet", "HEAD", "--", "mock_server"], cwd=ROOT, check=False
    ).returncode:
        raise SystemExit("mock_server/ has uncommitted changes: commit them first")
    FOLDER.mkdir(exist_ok=True)
    if DATA.exists():
        return
    sys.stderr.write("one run of all tests with coverage\n")
    config = FOLDER / "coveragerc"
    config.write_text(f"[run]\nsource = mock_server\nparallel = true\ndata_file = {DATA}\n", encoding="utf-8")
    command = [
        str(BIN / "pytest"),
        "-q",
        "-n",
        "2",
        "--cov",
        f"--cov-config={config}",
        "--cov-context=test",
        "--cov-report=",
    ]
    subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


def _report(number: int, change: Change) -> bool:
    began = time.monotonic()
    verdict = _verdict(change)
    line = {
        "number": number,
        "change": change.title,
        "seen by": verdict,
        "seconds": round(time.monotonic() - began),
    }
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(json.dumps(line) + "\n")
    sys.stdout.write(f"{number:3} {'seen ' if verdict else 'MISSED'} {change.title} [{verdict}]\n")
    sys.stdout.flush()
    return bool(verdict)


def _verdict(change: Change) -> str:
    """Return the name of a test that fails with the change; empty if all pass."""
    path = ROOT / change.file
    before = path.read_bytes()
    size = len(change.old.encode())
    assert before[change.start : change.start + size] == change.old.encode()
    path.write_bytes(before[: change.start] + change.new.encode() + before[change.start + size :])
    try:
        tests = _tests_of(change)
        return (
            (tests and _failing(tests[:FIRST_TESTS], "0"))
            or (tests[FIRST_TESTS:] and _failing(tests[FIRST_TESTS:1500], "2"))
            or _failing([], "2")
        ) or ""
    finally:
        path.write_bytes(before)


def _tests_of(change: Change) -> list[str]:
    data = coverage.CoverageData(str(DATA))
    data.read()
    contexts = data.contexts_by_lineno(str(ROOT / change.file)).get(change.line, [])
    names = sorted({context.partition("|")[0] for context in contexts if context})
    random.Random(change.title).shuffle(names)
    return names


def _failing(tests: list[str], workers: str) -> str:
    """Return the first failing test of these, or of all tests if none is listed; empty if all pass."""
    arguments = FOLDER / "tests.txt"
    arguments.write_text("\n".join(tests), encoding="utf-8")
    chosen = [f"@{arguments}"] if tests else []
    command = [
        str(BIN / "pytest"),
        "-q",
        "-x",
        "-n",
        workers,
        "-p",
        "no:cacheprovider",
        "--hypothesis-seed=1",
        *chosen,
    ]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    except subprocess.TimeoutExpired:
        return "no end within 900 s"
    if done.returncode == 0:
        return ""
    failed = [row for row in done.stdout.splitlines() if row.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0] if failed else f"pytest ended with {done.returncode}"


if __name__ == "__main__":
    main()
