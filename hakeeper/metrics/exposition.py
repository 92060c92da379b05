"""Writes the metrics in Prometheus' text format, with its own client library."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final, TypeAlias

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from hakeeper.adapters.counts import CLAIM_BOUNDS_S
from hakeeper.metrics.metric import Answer, Metric, Sample, Type
from hakeeper.metrics.table import METRICS, UP, UP_HELP

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
"""For the header of an HTTP answer."""

Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_BOUNDS: Final = (*map(str, CLAIM_BOUNDS_S), "+Inf")


def exposition(answer: Answer | None) -> bytes:
    """Return all metrics; without an answer of the daemon only that it is not up."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(answer))
    return generate_latest(registry)


class _Families(Collector):
    """What the client library asks for, once."""

    def __init__(self, answer: Answer | None) -> None:
        self._answer = answer

    def collect(self) -> Iterator[Family]:
        yield GaugeMetricFamily(UP, UP_HELP, float(self._answer is not None))
        if self._answer is not None:
            for metric in METRICS:
                yield _family(metric, self._answer)


def _family(metric: Metric, answer: Answer) -> Family:
    found = metric.read(answer)
    match metric.type:
        case Type.HISTOGRAM:
            durations = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            for sample in found:
                durations.add_metric(sample.labels, _at_most(sample), sample.value)
            return durations
        case Type.COUNTER:
            counts = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for sample in found:
                counts.add_metric(sample.labels, sample.value)
            return counts
        case Type.GAUGE:
            values = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for sample in found:
                values.add_metric(sample.labels, sample.value)
            return values


def _at_most(sample: Sample) -> list[tuple[str, float]]:
    """Return the buckets as Prometheus has them: each with all that took less."""
    return [*zip(_BOUNDS, accumulate(sample.buckets), strict=True)]
