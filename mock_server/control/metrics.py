"""What the server counted, for Prometheus: one table, computed on demand from counts there are anyway."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from flask import Blueprint, Response

from mock_server import __version__
from mock_server.clock import real_now
from mock_server.control.calls import serves
from mock_server.journal.coverage import OUTCOMES, ExchangeCounts, ExchangeKind
from mock_server.scenarios import EFFECTS, FAULTS
from mock_server.web.services import Services, services

metrics = Blueprint("metrics", __name__)

NONE = "none"
"""The value of a label where there is nothing to name."""

Samples = Mapping[tuple[str, ...], float]
"""By the values of the labels the number."""


@dataclass(frozen=True, slots=True)
class Census:
    """What metrics are computed from: the counts since the start, the dossiers of now, and the server."""

    counts: ExchangeCounts
    dossiers: int
    server: Services


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table: the name as Prometheus shows it, what it tells, and its samples."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    help: str
    samples: Callable[[Census], Samples]


@serves(metrics, "GET /metrics", media_type="text/plain", sandboxed=False)
def get_metrics() -> Response:
    """What the server counted since its start, over all sandboxes, in the text format of Prometheus."""
    from mock_server.control.exposing import exposed

    server = services()
    dossiers = _dossiers(server)  # first: to count them settles what is due, and that counts as well
    census = Census(server.sandboxes.total, dossiers, server)
    return Response(exposed(census), content_type="text/plain; version=0.0.4; charset=utf-8")


def _summed(
    counts: ExchangeCounts, labels_of: Callable[[ExchangeKind], Iterator[tuple[str, ...]]]
) -> Counter[tuple[str, ...]]:
    """The exchanges counted anew, each under the labels that its kind has."""
    found: Counter[tuple[str, ...]] = Counter()
    for kind, count in counts.by_kind.items():
        for labels in labels_of(kind):
            found[labels] += count
    return found


def _request(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    operation, dialect, seen, *_ = kind
    yield operation or NONE, dialect or NONE, str(seen) if isinstance(seen, int) else NONE


def _codes(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    operation, *_, facts = kind
    if not any(fact.about == "process" for fact in facts):  # how imports ended is told by another metric
        yield from ((operation or NONE, fact.name) for fact in facts if fact.about == "code")


def _effect(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    *_, bent, _ = kind
    if bent is not None:
        yield ("fault" if bent in FAULTS else bent,)


def _fault(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    *_, bent, _ = kind
    if bent in FAULTS:
        yield (str(bent),)


def _imports(census: Census) -> Samples:
    ended = {outcome: 0 for outcome in OUTCOMES if outcome != "running"} | census.counts.imports
    return {(outcome,): count for outcome, count in ended.items()}


def _dossiers(server: Services) -> int:
    worlds = (sandbox.read() for sandbox in server.sandboxes.existing)
    return sum(len(portfolio.dossiers) for world in worlds for portfolio in world.portfolios.values())


METRICS = (
    Metric(
        "mock_server_requests_total",
        "counter",
        ("operation", "dialect", "status"),
        "Requests of the emulated API; where the client saw a fault and no answer, the status is none.",
        lambda census: _summed(census.counts, _request),
    ),
    Metric(
        "mock_server_refusals_total",
        "counter",
        ("operation", "code"),
        "Codes with which calls were refused.",
        lambda census: _summed(census.counts, _codes),
    ),
    Metric(
        "mock_server_unmatched_requests_total",
        "counter",
        (),
        "Requests of a path or method that the API does not have.",
        lambda census: {(): census.counts.unmatched},
    ),
    Metric(
        "mock_server_imports_total",
        "counter",
        ("outcome",),
        "Imports that ended: succeeded, or the first of the codes with which one failed.",
        _imports,
    ),
    Metric(
        "mock_server_rules_applied_total",
        "counter",
        ("effect",),
        f"Calls that a rule was applied to, by what it did: {', '.join(EFFECTS)}.",
        lambda census: _summed(census.counts, _effect),
    ),
    Metric(
        "mock_server_faults_total",
        "counter",
        ("fault",),
        "Faults of the wire that rules made.",
        lambda census: _summed(census.counts, _fault),
    ),
    Metric(
        "mock_server_sandboxes",
        "gauge",
        (),
        "Sandboxes there are.",
        lambda census: {(): len(census.server.sandboxes.existing)},
    ),
    Metric(
        "mock_server_dossiers",
        "gauge",
        (),
        "Dossiers in all of them.",
        lambda census: {(): census.dossiers},
    ),
    Metric(
        "mock_server_uptime_seconds",
        "gauge",
        (),
        "Seconds since the start, in real time.",
        lambda census: {(): (real_now() - census.server.started).total_seconds()},
    ),
    Metric(
        "mock_server_build_info",
        "gauge",
        ("version", "python"),
        "Always 1; the labels tell what runs.",
        lambda _: {(__version__, platform.python_version()): 1},
    ),
)
"""Every metric, in the order of the documentation."""
