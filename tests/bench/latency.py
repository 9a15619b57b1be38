"""How many requests it takes to see that latencies have shifted."""

import math
import random
import statistics
from bisect import bisect_right
from collections.abc import Sequence

from bench.report import say, say_table

from meshsplit.analysis.latency import (
    TAIL_TOLERANCE,
    Buckets,
    choose_edges,
    make_latency_rule,
    make_pasts,
    to_counts,
)
from meshsplit.analysis.rules import NO_WORSE, Line, Rules
from meshsplit.analysis.trial import Read, begin, step
from meshsplit.analysis.verdict import Decision

ISTIO_EDGES = (0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PROMETHEUS_EDGES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


def say_latency(seed: int, scale: int) -> None:
    """Canary requests until latencies that are a fifth longer are rolled back, by spread and tolerance."""
    rows = []
    for name, edges in (("Istio", ISTIO_EDGES), ("prometheus_client", PROMETHEUS_EDGES)):
        for spread in (0.25, 0.5):
            row = [name, f"{spread:g}"]
            for tolerance in (NO_WORSE, TAIL_TOLERANCE):
                found = [
                    shift_found(edges, spread, tolerance, f"{seed}/latency/{run}")
                    for run in range(max(20 // scale, 3))
                ]
                error = statistics.stdev(found) / math.sqrt(len(found))
                row.append(f"{statistics.fmean(found):,.0f} ± {error:,.0f}")
            rows.append(row)
    say("Latency: canary requests until a shift by 20 % is rolled back, log-normal around 100 ms:\n")
    say_table(["histogram", "spread of ln", "tolerance 1", "tolerance 1.25"], rows)


def shift_found(edges: Sequence[float], spread: float, tolerance: Line, seed: str) -> int:
    """The canary's requests in one rollout at 5 %, 200 requests a read."""
    rng = random.Random(seed)

    def histogram(requests: int, median: float) -> Buckets:
        drawn = sorted(rng.lognormvariate(math.log(median), spread) for _ in range(requests))
        return {edge: bisect_right(drawn, edge) for edge in edges} | {math.inf: requests}

    past = histogram(20_000, 0.1)
    rule, chosen = make_latency_rule("latency", past, tolerance), choose_edges(past)
    if rule is None:
        return 0
    rules = Rules((rule,))
    trial = begin(rules, {rule.name: make_pasts(past, chosen)})
    for at in range(1, 1000):
        counts = to_counts(histogram(10, 0.12), histogram(190, 0.1), chosen)
        trial, verdict = step(trial, Read(50, {rule.name: counts} if counts else {}), rules)
        if verdict.decision is Decision.ROLLBACK:
            return 10 * at
    return 10_000
