"""What there is to know of a metric."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Answer: TypeAlias = Mapping[str, Any]
"""The daemon's answer to `counts`: its status and its counts."""
Labels: TypeAlias = tuple[str, ...]


class Type(enum.Enum):
    """The types of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Sample(NamedTuple):
    """The values of a metric's labels, in their order, and its own."""

    labels: Labels
    value: float
    buckets: tuple[int, ...] = ()
    """Of a histogram: how many were in each bucket alone, the last one being +Inf's. `value` is
    their sum then."""


Reader: TypeAlias = Callable[[Answer], Iterable[Sample]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `read` finds its samples in the daemon's answer."""

    name: str
    """As it is exposed."""
    type: Type
    labels: Labels
    help: str
    read: Reader


def metric(kind: Type, name: str, *labels: str) -> Callable[[Reader], Metric]:
    """Make a metric of a function that reads it; the docstring is its help."""

    def made(read: Reader) -> Metric:
        paragraphs = (read.__doc__ or "").split("\n\n")
        help_text = " ".join(" ".join(text.split()) for text in paragraphs)
        return Metric(name, kind, labels, help_text.rstrip().rstrip("."), read)

    return made
