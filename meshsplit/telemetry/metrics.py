"""The controller's metrics, under the names of client-go and controller-runtime, and those of the splits."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from meshsplit.telemetry.queues import QueueCollector
from meshsplit.telemetry.splits import SplitCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meshsplit.telemetry.queues import Queue

Result = Literal["success", "error", "requeue", "requeue_after"]
"""How a pass ended (controller-runtime, pkg/internal/controller)."""

RESULTS: tuple[Result, ...] = ("error", "requeue", "requeue_after", "success")
NOTICE_RESULTS = ("dropped", "failed", "sent")
"""What becomes of a message to a webhook: no room for it, not taken, taken."""
NO_ANSWER = "<error>"
"""The code of a request that got no answer, as client-go's adapter writes it."""

# fmt: off
RECONCILE_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25,
    1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0,
    50.0, 60.0,
)
# fmt: on
"""Seconds, controller-runtime's (pkg/internal/controller/metrics)."""


class Pass:
    """One pass of a controller over one key; set `result` before it ends, if it is not "success"."""

    def __init__(self) -> None:
        self.result: Result = "success"


class Metrics:
    """All metrics of one controller process, on a registry of their own; for any number of threads.

    `clock` counts seconds. CPU, memory and descriptors of the process are on the registry too.
    """

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        # One series a counter more, for an exposition format that Prometheus' own releases do not ask for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._clock = clock
        self._queues = QueueCollector(self.registry)
        self._splits = SplitCollector()
        self.registry.register(self._splits)
        ProcessCollector(registry=self.registry)
        self._make_reconcile_metrics()
        self._requests = Counter(
            "rest_client_requests",
            "Requests to the API, by method and code",
            ["method", "code"],
            registry=self.registry,
        )
        self._notices = Counter(
            "meshsplit_notifications",
            "Messages to webhooks of rollouts, by what became of them",
            ["result"],
            registry=self.registry,
        )
        for result in NOTICE_RESULTS:
            self._notices.labels(result)
        self._leads = Gauge(
            "leader_election_master_status",
            "Whether this process leads (1) or waits (0)",
            ["name"],
            registry=self.registry,
        )

    def _make_reconcile_metrics(self) -> None:
        prefix, labels = "controller_runtime_", ["controller"]
        self._passes = Counter(
            f"{prefix}reconcile", "Passes, by result", [*labels, "result"], registry=self.registry
        )
        self._errors = Counter(
            f"{prefix}reconcile_errors", "Passes that failed", labels, registry=self.registry
        )
        self._seconds = Histogram(
            f"{prefix}reconcile_time_seconds",
            "Seconds a pass takes",
            labels,
            buckets=RECONCILE_BUCKETS,
            registry=self.registry,
        )
        self._active = Gauge(
            f"{prefix}active_workers", "Workers that are at work", labels, registry=self.registry
        )
        self._workers = Gauge(
            f"{prefix}max_concurrent_reconciles", "Workers there are", labels, registry=self.registry
        )
        self._group_seconds = Histogram(
            "meshsplit_reconcile_seconds",
            "Seconds a pass over one group takes",
            buckets=RECONCILE_BUCKETS,
            registry=self.registry,
        )

    def add_controller(self, controller: str, workers: int) -> None:
        """Show a controller from the start, with zeros: a rate needs a first value."""
        self._workers.labels(controller).set(workers)
        self._active.labels(controller).set(0)
        self._errors.labels(controller)
        self._seconds.labels(controller)
        for result in RESULTS:
            self._passes.labels(controller, result)

    def watch_queue(self, name: str, queue: Queue) -> None:
        """Measure a workqueue; its `on_waited` and `on_worked` are set."""
        self._queues.watch(name, queue)

    @contextmanager
    def reconciling(self, controller: str) -> Iterator[Pass]:
        """Measure one pass; an exception makes its result "error" and goes on."""
        measured, started = Pass(), self._clock()
        self._active.labels(controller).inc()
        try:
            yield measured
        except BaseException:
            measured.result = "error"
            raise
        finally:
            self._active.labels(controller).dec()
            self._end_pass(controller, measured.result, self._clock() - started)

    def answered(self, method: str, code: int) -> None:
        """Count a request to the API; code 0 when there was no answer."""
        self._requests.labels(method, str(code) if code else NO_ANSWER).inc()

    def notified(self, result: str) -> None:
        """Count a message to a webhook; one of `NOTICE_RESULTS`."""
        self._notices.labels(result).inc()

    def set_leading(self, lease: str, leads: bool) -> None:
        """Say whether this process holds the Lease of that name."""
        self._leads.labels(lease).set(leads)

    def record(self, namespace: str, split: str, reported: str | None) -> None:
        """Show what the status of a ModelSplit says, which is JSON; None removes its series."""
        self._splits.record(namespace, split, reported)

    def _end_pass(self, controller: str, result: Result, seconds: float) -> None:
        self._passes.labels(controller, result).inc()
        if result == "error":
            self._errors.labels(controller).inc()
        self._seconds.labels(controller).observe(seconds)
        self._group_seconds.observe(seconds)
