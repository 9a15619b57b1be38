"""What each ModelSplit says, as metrics: series come and go with their split."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from meshsplit.api.status import READY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FULL_PERCENT = 100.0


class SplitCollector(Collector):
    """The last recorded status of every ModelSplit, for any number of threads.

    It is kept as the text that whoever records it holds anyway, and read when it is asked for.
    `meshsplit_weight` is in percent, also where a split's total is per mille; a weight that is not known has
    no series. `meshsplit_ready` is 1 while Ready is True and 0 otherwise, with the reason as a label.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[tuple[str, str], str] = {}

    def record(self, namespace: str, split: str, reported: str | None) -> None:
        """Take over a status as JSON; None removes every series of the split."""
        with self._lock:
            if reported is None:
                self._statuses.pop((namespace, split), None)
            else:
                self._statuses[namespace, split] = reported

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The two families, empty."""
        return _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Both families, sorted by namespace, split and member."""
        with self._lock:
            statuses = sorted(self._statuses.items())
        weights, ready = _families()
        for (namespace, split), reported in statuses:
            status = json.loads(reported)
            _add_weights(weights, namespace, split, status)
            for condition in status.get("conditions") or ():
                if condition["type"] == READY:
                    value = 1.0 if condition["status"] == "True" else 0.0
                    ready.add_metric([namespace, split, condition["reason"]], value)
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


def _add_weights(family: GaugeMetricFamily, namespace: str, split: str, status: dict[str, Any]) -> None:
    total = status.get("total", FULL_PERCENT)
    for member in sorted(status.get("members") or (), key=lambda each: each["name"]):
        for kind, field in (("current", "weight"), ("target", "targetWeight")):
            weight = member.get(field)
            if weight is not None and total:
                percent = weight * FULL_PERCENT / total
                family.add_metric([namespace, split, member["name"], kind], percent)
