"""Change the code in one place at a time, and report the changes that no test detects.

    .venv/bin/python tools/planted_changes.py --count 100 --seed 1 --least 0.97

The changes are drawn with a fixed seed; larger packages get more of them. The first run records once, with coverage,
which tests run each line and how long each test takes (kept in .planted/). For each change, the tests that run the
changed line are run first, the cheapest first, then those that run other lines of the same file, for at most
`--seconds`. The first failure ends it, if the same test passes without the change.

A change that survives either changes no behaviour, or lacks a test, or the tests that detect it are not among those
that ran: of a line that runs at the import only, it is not known which tests use its result. `--all` or, as with
`--under sandbox/replicas.py --tests tests/test_replicas.py`, its tests decide. `--under` draws changes of one package or
module only.
`--only 3,17` repeats some numbers, `--all` then runs the whole suite for each survivor, and `--list` only shows the
changes. The tool changes files of this checkout and restores them: `mock_server/` must have no uncommitted change.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import coverage

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".planted"
DATA = FOLDER / "coverage"
SERVERS = FOLDER / "servers"
"""What the servers and commands that tests start have recorded, a file for each."""
DURATIONS = FOLDER / "durations.json"
RESULTS = FOLDER / "results.jsonl"
BIN = ROOT / ".venv" / "bin"
PYTEST = [str(BIN / "pytest"), "-q", "-p", "no:cacheprovider"]
FIRST_TESTS = 40
"""How many tests the first runs have: most changes make one of them fail."""
LONGEST_RUN = 7200.0
"""Seconds of a run whose tests have no known time."""
MEMORY = 3 * 1024**3
"""Bytes of each process of a run: a change can make a list endless."""

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
UNSEEN = {"eq", "frozen", "gc", "kw_only", "slots", "strict", "daemon", "usedforsecurity"}
"""Arguments that guard against errors in the code, or save time: no user sees a change of them."""
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
        "--under", default="", help="a package or module, such as control or sandbox/engine.py"
    )
    parser.add_argument("--tests", nargs="*", default=[], help="run these tests instead of the recorded ones")
    parser.add_argument("--only", default="", help="numbers of changes, such as 3,17")
    parser.add_argument("--least", type=float, default=0, help="share that a test must detect, such as 0.97")
    parser.add_argument("--seconds", type=float, default=120, help="time of the tests that a change is given")
    parser.add_argument("--all", action="store_true", help="run the whole suite for what survives")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    planted = dict(enumerate(draw(options.count, options.seed, ROOT / "mock_server" / options.under)))
    if options.only:
        planted = {number: planted[number] for number in map(int, options.only.split(","))}
    if options.list:
        sys.stdout.writelines(f"{number:3} {change.title}\n" for number, change in planted.items())
        return
    _prepare(record=not options.tests)
    tests = Tests(options.seconds, options.tests, run_all=options.all)
    detected = sum(_report(number, change, tests) for number, change in planted.items())
    sys.stdout.write(f"{detected} of {len(planted)} changes made a test fail\n")
    sys.exit(detected < options.least * len(planted))


def draw(count: int, seed: int, under: Path) -> list[Change]:
    """Draw changes from all modules there, each line at most once; larger packages get more of them."""
    found: dict[tuple[str, int], list[Change]] = {}
    for path in sorted(under.rglob("*.py")) if under.is_dir() else [under]:
        for change in _changes(path):
            found.setdefault((change.file, change.line), []).append(change)
    generator = random.Random(seed)
    lines = generator.sample(sorted(found), min(count, len(found)))
    return [generator.choice(found[line]) for line in lines]


def _changes(path: Path) -> Iterator[Change]:
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _nodes(ast.parse(source)):
        for replaced in _replacements(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            yield Change(
                str(path.relative_to(ROOT)), node.lineno, source[start:end].decode(), replaced, start
            )


def _nodes(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Yield every statement and expression, without annotations, docstrings and arguments of no effect."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not (isinstance(node, ast.keyword) and node.arg in UNSEEN):
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


def _prepare(*, record: bool) -> None:
    """Check that there are no uncommitted changes, and record the tests of each line once."""
    command = ["git", "diff", "--quiet", "HEAD", "--", "mock_server"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit("mock_server/ has uncommitted changes: commit them first")
    FOLDER.mkdir(exist_ok=True)
    if DURATIONS.exists() or not record:
        return
    sys.stderr.write("one run of all tests with coverage\n")
    config, of_servers = FOLDER / "coveragerc", FOLDER / "coveragerc-servers"
    config.write_text(f"[run]\nsource = mock_server\ndata_file = {DATA}\n", encoding="utf-8")
    of_servers.write_text(
        f"[run]\nsource = mock_server\ndata_file = {SERVERS}/coverage\nparallel = true\n"
        "context = ${PYTEST_CURRENT_TEST}\npatch = _exit\n",
        encoding="utf-8",
    )
    os.environ["COVERAGE_OF_SERVERS"] = str(of_servers)
    coverage_options = ["--cov", f"--cov-config={config}", "--cov-context=test", "--cov-report="]
    done = _run(["-n", "2", "--durations=0", *coverage_options])
    del os.environ["COVERAGE_OF_SERVERS"]
    # It skips the file of a process that was killed while it wrote.
    combine = [str(BIN / "coverage"), "combine", "--quiet", "--append", f"--rcfile={config}", str(SERVERS)]
    subprocess.run(combine, cwd=ROOT, check=True)
    durations: defaultdict[str, float] = defaultdict(float)
    for seconds, test in re.findall(r"^ *([\d.]+)s (?:setup|call|teardown) +(\S.*)$", done, re.MULTILINE):
        durations[test] += float(seconds)
    DURATIONS.write_text(json.dumps(durations), encoding="utf-8")


class Tests:
    """The recorded tests: which of them run a line, and how long each takes; or those that are `given`."""

    def __init__(self, seconds: float, given: list[str], *, run_all: bool) -> None:
        self._seconds = seconds
        self._given = given
        self._run_all = run_all
        if given:
            return
        self._durations: dict[str, float] = json.loads(DURATIONS.read_text(encoding="utf-8"))
        self._data = coverage.CoverageData(str(DATA))
        self._data.read()

    def failing(self, change: Change) -> str:
        """Return a test that fails with the change, which is made; empty if all pass."""
        if self._given:
            return _failing(self._given, 5 * self._seconds)
        of_line, of_file = self._tests(change)
        left = self._seconds
        for tests in (
            of_line[:FIRST_TESTS],
            of_line[FIRST_TESTS:],
            of_file[:FIRST_TESTS],
            of_file[FIRST_TESTS:],
        ):
            chosen = []
            for test in tests:
                left -= self._duration(test)
                if left < 0:
                    break
                chosen.append(test)
            expected = sum(map(self._duration, chosen))
            if chosen and (failed := _failing(chosen, 60 + 5 * expected)):
                return failed
        return _failing([]) if self._run_all else ""

    def _tests(self, change: Change) -> tuple[list[str], list[str]]:
        """Return the tests of the line, then the other tests of the file, the cheapest first."""
        lines = self._data.contexts_by_lineno(str(ROOT / change.file))
        of_line = {test for context in lines.get(change.line, []) for test in self._of_context(context)}
        of_file = {
            test for several in lines.values() for context in several for test in self._of_context(context)
        }
        return sorted(of_line, key=self._order), sorted(of_file - of_line, key=self._order)

    def _of_context(self, context: str) -> set[str]:
        """Return the tests of `test|run`, of `test (call)` or, as others use the same server, of `test (setup)`."""
        test = re.sub(r"\|\w+$| \(\w+\)$", "", context)
        file, _, _ = test.partition("::")
        if not (ROOT / file).is_file():
            return set()  # of no test, or of a suite that a test wrote and ran
        if not context.endswith("(setup)"):
            return {test}
        return {test, *(other for other in self._durations if other.startswith(f"{file}::"))}

    def _order(self, test: str) -> tuple[float, int]:
        """Sort by time to a tenth of a second, then by chance: tests of different files come together."""
        return round(self._duration(test), 1), crc32(test.encode())

    def _duration(self, test: str) -> float:
        return self._durations.get(test, 0.005)


def _report(number: int, change: Change, tests: Tests) -> bool:
    began = time.monotonic()
    verdict = _verdict(change, tests)
    seconds = round(time.monotonic() - began)
    line = {"number": number, "change": change.title, "detected by": verdict, "seconds": seconds}
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(json.dumps(line) + "\n")
    sys.stdout.write(
        f"{number:3} {'seen  ' if verdict else 'MISSED'} {change.title} [{verdict}] {seconds} s\n"
    )
    sys.stdout.flush()
    return bool(verdict)


def _verdict(change: Change, tests: Tests) -> str:
    """Return the name of a test that fails with the change and passes without it; empty if there is none."""
    path = ROOT / change.file
    before = path.read_bytes()
    size = len(change.old.encode())
    assert before[change.start : change.start + size] == change.old.encode()
    path.write_bytes(before[: change.start] + change.new.encode() + before[change.start + size :])
    try:
        failed = tests.failing(change)
    finally:
        path.write_bytes(before)
    if "::" in failed and (unrelated := _failing([failed])):
        sys.stderr.write(f"{unrelated} fails without the change too\n")
        return ""
    return failed


def _failing(tests: list[str], seconds: float = LONGEST_RUN) -> str:
    """Return the first failing test of these, or of all tests if none is listed; empty if all pass.

    Tests that do not end within these seconds fail too: a change can make a loop endless.
    """
    arguments = FOLDER / "tests.txt"
    arguments.write_text("\n".join(tests), encoding="utf-8")
    workers = "2" if not tests or len(tests) > 10 * FIRST_TESTS else "0"
    chosen = [f"@{arguments}"] if tests else []
    output = _run(["-x", "-n", workers, "--hypothesis-seed=1", *chosen], seconds)
    if unknown := re.search(r"^ERROR: not found: .*", output, re.MULTILINE):
        sys.stderr.write(f"{unknown[0]}: if this is so without the change, delete {FOLDER.name}/\n")
        return ""
    if failed := re.search(r"^(?:FAILED|ERROR) (tests/.*?)(?: - |$)", output, re.MULTILINE):
        return failed[1]
    return "" if re.search(r"^\d+ passed", output, re.MULTILINE) else f"no result: {output[-200:]!r}"


def _run(options: list[str], seconds: float = LONGEST_RUN) -> str:
    """Run pytest, with its memory limited, and return its output; end it and its workers after these seconds."""
    # Bytecode is kept, as else each run rewrites the tests' assertions.
    keep_bytecode = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with subprocess.Popen(
        [*PYTEST, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=keep_bytecode,
        start_new_session=True,
    ) as process:
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (MEMORY, MEMORY))
        try:
            return process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"no end within {seconds:.0f} seconds"


if __name__ == "__main__":
    main()
