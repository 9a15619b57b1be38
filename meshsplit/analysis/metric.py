"""The test of one metric: what is kept between reads, and one step."""

from dataclasses import dataclass, replace

from meshsplit.analysis.counts import NOTHING, Counts
from meshsplit.analysis.excess import Excess, narrow
from meshsplit.analysis.guess import Past
from meshsplit.analysis.logs import log_sum
from meshsplit.analysis.pods import PodCounts, Without, bet_without
from meshsplit.analysis.promote import log_safety
from meshsplit.analysis.rollback import WEIGHT_CHANGES, Harm, Wager, bet
from meshsplit.analysis.rules import MetricRule, Shape

_NO_PAST, _NO_HARM, _NO_EXCESS = Past(), Harm(), Excess()


@dataclass(frozen=True, slots=True)
class EdgeTest:
    """The test of one edge.

    `seen`: all counts since the rollout began; `fresh`: those since the weight last went up, on which the
    evidence of safety (`safety`, ln E) rests; `carried`: counts of reads in which one member served nothing,
    to be judged with the next; `without`: evidence of harm without each of the canary's pods; `weight`: that
    of the last read that was judged.
    """

    past: Past = _NO_PAST
    seen: Counts = NOTHING
    fresh: Counts = NOTHING
    carried: Counts = NOTHING
    harm: Harm = _NO_HARM
    safety: float = 0.0
    excess: Excess = _NO_EXCESS
    without: tuple[Without, ...] = ()
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What else is known of a read: its weight, what that did since the last one, how many changes of it
    there are in all at most, burstiness, pods.
    """

    weight: int
    moved: bool = False
    raised: bool = False
    changes: int = WEIGHT_CHANGES
    icc: float = 0.0
    pods: PodCounts | None = None


def step_edge(test: EdgeTest, counts: Counts, rule: MetricRule, given: Circumstance) -> EdgeTest:
    """The test after one more read of its edge; `counts` are sound (`find_problem`)."""
    if given.raised:
        test = replace(test, fresh=NOTHING, safety=0.0)
    # Two weights are two allocations: pooled, they can show harm where each shows none (Simpson's paradox).
    counts = counts if given.moved else counts + test.carried
    if not counts.both_served:
        return replace(test, carried=counts)
    theta_s, phi = test.past.guess(), to_phi(counts, given.icc)
    moved = test.weight is not None and test.weight != given.weight
    wager = Wager(theta_s, rule.harm, rule.shape, phi, moved, given.changes)
    safe, pods = rule.safe, given.pods or {}
    return EdgeTest(
        past=test.past.after(counts.stable_requests, counts.stable_bad),
        seen=test.seen + counts,
        fresh=test.fresh + counts,
        harm=bet(test.harm, counts, wager),
        safety=test.safety + log_safety(counts, theta_s, safe, phi) if safe else 0.0,
        excess=narrow(test.excess, counts, theta_s, phi) if rule.shape is Shape.RATE else test.excess,
        without=bet_without(test.without, test.harm, counts, pods, wager) if pods or test.without else (),
        weight=given.weight,
    )


def to_phi(counts: Counts, icc: float) -> float:
    """φ = 1 + 2·ICC·n_c n_s/(n_c+n_s): how much bursts widen the difference of two rates."""
    n_c, n_s = counts.canary_requests, counts.stable_requests
    return 1.0 + 2.0 * icc * n_c * n_s / (n_c + n_s)


def log_harm(tests: tuple[EdgeTest, ...], rule: MetricRule) -> float:
    """Return ln of a metric's evidence of harm: the average over its edges, valid under any dependence."""
    if len(tests) == 1:
        return tests[0].harm.log_evidence(rule.shape)
    terms = [test.harm.log_evidence(rule.shape) for test in tests]
    return log_sum(terms) - log_sum([0.0] * len(terms))


def log_safe(tests: tuple[EdgeTest, ...], rule: MetricRule) -> float | None:
    """Return ln of a metric's evidence of safety, the least of its gating edges; None without one."""
    if rule.safe is None or rule.dry_run:
        return None
    return min((t.safety for t, edge in zip(tests, rule.edges, strict=True) if edge.gates), default=None)
