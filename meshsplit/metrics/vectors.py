"""The result of the one query a signal, taken apart: whose counters they are, and when they were scraped."""

import math
from collections.abc import Sequence

from meshsplit.analysis.metrics import Signal
from meshsplit.analysis.queries.pack import Family, Labels, Pack, Place
from meshsplit.analysis.queries.promql import POD_LABELS, TAG, TIMES
from meshsplit.analysis.snapshot import Snapshot, add_series, choose_endpoints
from meshsplit.metrics.answers import Vector

Endpoint = tuple[str, str, str]
Parts = Sequence[tuple[Pack, Family, frozenset[Place]]]


def to_snapshot(vector: Vector, signal: Signal, parts: Parts, at: float) -> Snapshot:
    """The counters of `vector`, which answers the query made of `parts` at the time `at`."""
    snapshot = Snapshot()
    for pack, family, _ in parts:
        tag = pack.backend.value
        counters = [series for series in vector if series.labels.get(TAG) == tag]
        times = {
            to_endpoint(series.labels): series.value
            for series in vector
            if series.labels.get(TAG) == tag + TIMES and math.isfinite(series.value)
        }
        pods = choose_endpoints(to_endpoint(series.labels) for series in counters)
        for labels, value in counters:
            endpoint = to_endpoint(labels)
            if endpoint in pods:
                seen = times.get(endpoint, at)
                add_series(snapshot, signal, family, pods[endpoint], labels, value, seen)
    return snapshot


def to_endpoint(labels: Labels) -> Endpoint:
    """The scrape that a series came by."""
    pod, instance, job = (labels.get(label, "") for label in POD_LABELS)
    return pod, instance, job
