"""The metrics for Prometheus: one table, computed at each scrape from the counts of the journals."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from flask import Response

from mock_server import __version__
from mock_server.clock import real_now
from mock_server.control.calls import route
from mock_server.journal.coverage import OUTCOMES, ExchangeCounts, ExchangeKind
from mock_server.scenarios.file_format import EFFECTS, FAULTS
from mock_server.web.services import Services, services

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

NONE = "none"
"""The value of a label that does not apply."""

Samples = Mapping[tuple[str, ...], float]
"""The number for each combination of label values."""


@dataclass(frozen=True, slots=True)
class Census:
    """The input of the metrics: the counts since the start, the number of dossiers, and the server."""

    counts: ExchangeCounts
    dossiers: int
    server: Services


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table: the name in Prometheus, its help text, and its samples."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Callable[[Census], Samples]
    labels: tuple[str, ...] = ()


@route("GET /metrics", media_type="text/plain", sandboxed=False)
def get_metrics() -> Response:
    """Return the counts since the start, over all sandboxes, in the text format of Prometheus."""
    server = services()
    dossiers = _dossiers(server)  # first, because this ends imports that are due, which are counted as well
    census = Census(server.sandboxes.total, dossiers, server)
    return Response(prometheus_text(census), content_type="text/plain; version=0.0.4; charset=utf-8")


def prometheus_text(census: Census) -> bytes:
    """Return every metric of the table, and on Linux those of the process."""
    from prometheus_client import ProcessCollector, generate_latest  # takes 80 ms, so only for a scrape
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector

    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}

    class MetricsCollector(Collector):
        """The table, as the library reads it."""

        def collect(self) -> Iterator[Family]:
            """Yield each metric with its samples."""
            for row in METRICS:
                family = kinds[row.kind](row.name, row.help, labels=row.labels)
                for labels, value in row.samples(census).items():
                    family.add_metric(labels, value)
                yield family
            yield from ProcessCollector(registry=None).collect()

    return generate_latest(MetricsCollector())


def _count_by_labels(
    counts: ExchangeCounts, labels_of: Callable[[ExchangeKind], Iterator[tuple[str, ...]]]
) -> Counter[tuple[str, ...]]:
    """Count the requests by the labels of their kinds."""
    total: Counter[tuple[str, ...]] = Counter()
    for kind, count in counts.by_kind.items():
        for labels in labels_of(kind):
            total[labels] += count
    return total


def _request(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    operation, dialect, status, *_ = kind
    yield operation or NONE, dialect or NONE, str(status) if isinstance(status, int) else NONE


def _codes(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    operation, *_, facts = kind
    if not any(fact.about == "process" for fact in facts):  # another metric counts how imports ended
        yield from ((operation or NONE, fact.name) for fact in facts if fact.about == "code")


def _effect(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    *_, effect, _ = kind
    if effect is not None:
        yield ("fault" if effect in FAULTS else effect,)


def _fault(kind: ExchangeKind) -> Iterator[tuple[str, ...]]:
    *_, effect, _ = kind
    if effect in FAULTS:
        yield (str(effect),)


def _imports(census: Census) -> Samples:
    imports = {outcome: 0 for outcome in OUTCOMES if outcome != "running"} | census.counts.imports
    return {(outcome,): count for outcome, count in imports.items()}


def _dossiers(server: Services) -> int:
    return sum(sandbox.read_if_possible().dossier_count for sandbox in server.sandboxes.existing)


METRICS = (
    Metric(
        "mock_server_requests_total",
        "counter",
        "Requests of the emulated API; if a fault replaced the answer, the status is none.",
        lambda census: _count_by_labels(census.counts, _request),
        labels=("operation", "dialect", "status"),
    ),
    Metric(
        "mock_server_refusals_total",
        "counter",
        "Error codes of rejected calls.",
        lambda census: _count_by_labels(census.counts, _codes),
        labels=("operation", "code"),
    ),
    Metric(
        "mock_server_unmatched_requests_total",
        "counter",
        "Requests whose path or method the API does not have.",
        lambda census: {(): census.counts.unmatched},
    ),
    Metric(
        "mock_server_imports_total",
        "counter",
        "Imports that ended: succeeded, or the first error code of a failed one.",
        _imports,
        labels=("outcome",),
    ),
    Metric(
        "mock_server_rules_applied_total",
        "counter",
        f"Calls that a rule changed, by its effect: {', '.join(EFFECTS)}.",
        lambda census: _count_by_labels(census.counts, _effect),
        labels=("effect",),
    ),
    Metric(
        "mock_server_faults_total",
        "counter",
        "Faults of the connection that rules caused.",
        lambda census: _count_by_labels(census.counts, _fault),
        labels=("fault",),
    ),
    Metric(
        "mock_server_sandboxes",
        "gauge",
        "Number of sandboxes.",
        lambda census: {(): len(census.server.sandboxes.existing)},
    ),
    Metric(
        "mock_server_dossiers",
        "gauge",
        "Number of dossiers in all sandboxes.",
        lambda census: {(): census.dossiers},
    ),
    Metric(
        "mock_server_uptime_seconds",
        "gauge",
        "Seconds since the start, in real time.",
        lambda census: {(): (real_now() - census.server.started).total_seconds()},
    ),
    Metric(
        "mock_server_build_info",
        "gauge",
        "Always 1; the labels have the versions.",
        lambda _: {(__version__, platform.python_version()): 1},
        labels=("version", "python"),
    ),
)
"""Every metric, in the order of the documentation."""
