"""The metrics in Prometheus' text format. The library takes 80 ms to import: only a scrape does so."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric as Family
from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from mock_server.control.metrics import METRICS, Census

_KINDS = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


def exposed(census: Census) -> bytes:
    """Every metric of the table, and on Linux those of the process."""
    return generate_latest(_Table(census))


class _Table(Collector):
    """The table as the library asks for it."""

    def __init__(self, census: Census) -> None:
        self._census = census

    def collect(self) -> Iterator[Family]:
        """Each metric with its samples."""
        for row in METRICS:
            family = _KINDS[row.kind](row.name, row.help, labels=row.labels)
            for labels, value in row.samples(self._census).items():
                family.add_metric(labels, value)
            yield family
        yield from ProcessCollector(registry=None).collect()
