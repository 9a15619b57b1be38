"""What each ModelSplit says, as metrics: series come and go with their split."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from meshsplit.api.status import READY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meshsplit.api.status import ModelSplitStatus

FULL_PERCENT = 100.0


class SplitCollector(Collector):
    """The last recorded status of every ModelSplit, for any number of threads.

    `meshsplit_weight` is in percent, also where a split's total is per mille; a weight that is not known has
    no series. `meshsplit_ready` is 1 while Ready is True and 0 otherwise, with the reason as a label.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[tuple[str, str], ModelSplitStatus] = {}

    def record(self, namespace: str, split: str, status: ModelSplitStatus | None) -> None:
        """Take over a status; None removes every series of the split."""
        with self._lock:
            if status is None:
                self._statuses.pop((namespace, split), None)
            else:
                self._statuses[namespace, split] = status

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The two families, empty."""
        return _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Both families, sorted by namespace, split and member."""
        with self._lock:
            statuses = sorted(self._statuses.items())
        weights, ready = _families()
        for (namespace, split), status in statuses:
            _add_weights(weights, namespace, split, status)
            condition = status.condition(READY)
            if condition is not None:
                value = 1.0 if condition.status == "True" else 0.0
                ready.add_metric([namespace, split, condition.reason], value)
        yield weights
        yield ready


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "meshsplit_weight",
            "Share of a member in percent: where it should end (target), what Istio is told now (current)",
            labels=["namespace", "split", "member", "kind"],
        ),
        GaugeMetricFamily(
            "meshsplit_ready",
            "Whether traffic is routed as asked (1) or not (0), and why",
            labels=["namespace", "split", "reason"],
        ),
    )


def _add_weights(family: GaugeMetricFamily, namespace: str, split: str, status: ModelSplitStatus) -> None:
    for member in sorted(status.members, key=lambda each: each.name):
        for kind, weight in (("current", member.weight), ("target", member.target_weight)):
            if weight is not None and status.total:
                percent = weight * FULL_PERCENT / status.total
                family.add_metric([namespace, split, member.name, kind], percent)
