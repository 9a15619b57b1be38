"""A workqueue as client-go's metrics show one (controller-runtime, pkg/metrics/workqueue.go)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BUCKETS = tuple(1e-8 * 10**exponent for exponent in range(12))
"""Seconds: controller-runtime's ExponentialBuckets(10e-9, 10, 12)."""

Family = CounterMetricFamily | GaugeMetricFamily


class Queue(Protocol):
    """What of a workqueue is measured; times are in seconds."""

    on_waited: Callable[[float], object]
    on_worked: Callable[[float], object]

    @property
    def adds(self) -> int:
        """Keys that were queued."""

    @property
    def retries(self) -> int:
        """Keys that were queued after a failure."""

    @property
    def depth(self) -> int:
        """Keys that wait."""

    @property
    def unfinished(self) -> tuple[float, ...]:
        """How long each key has been worked on, longest first."""


class QueueCollector(Collector):
    """The queues by name; counts are read when somebody asks, durations as they occur."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, Queue] = {}
        self._waited = _make_histogram(
            registry, "workqueue_queue_duration_seconds", "Seconds a key waits before it is worked on"
        )
        self._worked = _make_histogram(
            registry, "workqueue_work_duration_seconds", "Seconds the work on a key takes"
        )
        registry.register(self)

    def watch(self, name: str, queue: Queue) -> None:
        """Measure this queue under this name, in place of an earlier one of that name."""
        queue.on_waited = self._waited.labels(name).observe
        queue.on_worked = self._worked.labels(name).observe
        with self._lock:
            self._queues[name] = queue

    def describe(self) -> Iterable[Family]:
        """The families, empty."""
        return _families()

    def collect(self) -> Iterator[Family]:
        """The families, sorted by the queues' names."""
        with self._lock:
            queues = sorted(self._queues.items())
        families = _families()
        for name, queue in queues:
            # Read once: a key may be done between two looks.
            unfinished = queue.unfinished
            values = (queue.depth, queue.adds, queue.retries, sum(unfinished), max(unfinished, default=0.0))
            for family, value in zip(families, values, strict=True):
                family.add_metric([name], float(value))
        yield from families


def _families() -> tuple[Family, ...]:
    labels = ["name"]
    return (
        GaugeMetricFamily("workqueue_depth", "Keys that wait for a worker", labels=labels),
        CounterMetricFamily("workqueue_adds", "Keys that were queued", labels=labels),
        CounterMetricFamily("workqueue_retries", "Keys that were queued after a failure", labels=labels),
        GaugeMetricFamily(
            "workqueue_unfinished_work_seconds",
            "Seconds spent on the keys that are being worked on, added up",
            labels=labels,
        ),
        GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds",
            "Seconds spent on the key that has been worked on the longest",
            labels=labels,
        ),
    )


def _make_histogram(registry: CollectorRegistry, name: str, text: str) -> Histogram:
    return Histogram(name, text, ["name"], buckets=BUCKETS, registry=registry)
