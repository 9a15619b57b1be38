"""Latency as counts: at a few edges of a histogram, how many requests were slower.

A request is slower than an edge or it is not, so exceedances are counts like errors and the same test holds,
edge by edge; the average over edges is the metric's evidence. Shifts of the whole distribution show in every
edge, which is why this is so much quicker than one edge at the objective, where few requests are.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.guess import Past
from meshsplit.analysis.rules import TWICE, Edge, Line, MetricRule, Shape

TAIL_TOLERANCE = Line(1.25)
"""Default tolerance: a tail may be a quarter heavier before it is harm."""
LEAST_TAIL, LARGEST_TAIL = 1e-4, 0.99
"""Tails of stable outside of which an edge tells nothing."""
MOST_EDGES = 6
LEAST_GATING, LARGEST_GATING = 0.01, 0.45
"""Tails at which promotion has to be shown safe: p55 to p99. Rarer ones take too long, and twice a larger one
is more than everything."""

Buckets = Mapping[float, float]
"""Cumulative counts by upper edge in seconds, the last edge infinite, as Prometheus histograms have them."""


def to_tails(buckets: Buckets) -> dict[float, tuple[float, float]]:
    """Requests and slower ones by finite edge, in order; empty when there is no edge at infinity."""
    total = buckets.get(math.inf)
    if total is None:
        return {}
    return {edge: (total, total - buckets[edge]) for edge in sorted(buckets) if edge != math.inf}


def choose_edges(past: Buckets) -> tuple[float, ...]:
    """At most six edges, spread evenly over the log-odds of stable's tails in `past`; fixed for a rollout."""
    tails = {edge: slow / total for edge, (total, slow) in to_tails(past).items() if total > 0}
    usable = {edge: tail for edge, tail in tails.items() if LEAST_TAIL <= tail <= LARGEST_TAIL}
    # Two edges with one tail have no request between them, and count one thing twice.
    edges = list(usable)
    distinct = [edge for edge, after in pairwise(edges) if usable[edge] > usable[after]] + edges[-1:]
    if len(distinct) <= MOST_EDGES:
        return tuple(distinct)
    odds = [math.log(usable[edge] / (1.0 - usable[edge])) for edge in distinct]
    aims = [odds[0] + (odds[-1] - odds[0]) * at / (MOST_EDGES - 1) for at in range(MOST_EDGES)]
    nearest = {min(range(len(odds)), key=lambda at: abs(odds[at] - aim)) for aim in aims}
    return tuple(distinct[at] for at in sorted(nearest))


def make_latency_rule(
    name: str, past: Buckets, harm: Line = TAIL_TOLERANCE, safe: Line | None = TWICE, share: float = 1.0
) -> MetricRule | None:
    """The rule of a latency metric whose stable member had `past`; None when no edge of it tells anything.

    Where the histogram has no edge in the range that promotion can rest on, the metric watches for harm and
    does not gate (its `safe` is None): it would never let anything through.
    """
    tails = to_tails(past)
    edges = tuple(
        Edge(f"{edge:g}s", LEAST_GATING <= tails[edge][1] / tails[edge][0] <= LARGEST_GATING)
        for edge in choose_edges(past)
    )
    gates = safe if any(edge.gates for edge in edges) else None
    return MetricRule(name, harm, gates, Shape.TAIL, edges, share) if edges else None


def make_pasts(past: Buckets, edges: Sequence[float]) -> tuple[Past, ...]:
    """Stable's past at each edge."""
    tails = to_tails(past)
    return tuple(Past(*tails.get(edge, (0.0, 0.0))) for edge in edges)


def to_counts(canary: Buckets, stable: Buckets, edges: Sequence[float]) -> tuple[Counts, ...] | None:
    """Counts by edge of one read's increments; None, no evidence, when an edge is missing from either."""
    canary_tails, stable_tails = to_tails(canary), to_tails(stable)
    if any(edge not in canary_tails or edge not in stable_tails for edge in edges):
        return None
    return tuple(Counts(*canary_tails[edge], *stable_tails[edge]) for edge in edges)
