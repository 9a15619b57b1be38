"""What another rule would have let through, given the reads of a rollout that took place.

The reads are taken one after the other, from the first again when they end. The rule's own weight shares out
the requests of each, and members fail as they were counted to: at the largest weight that was read and is not
above the rule's. There is no chance in it; counts are expectations and need not be whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from meshsplit.analysis.counts import NOTHING, Counts
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act
from meshsplit.simulation.play import LONGEST, Observed, Rule
from meshsplit.simulation.world import Phase, Phases, rate_at

_UNDER_WAY = frozenset({Act.HOLD, Act.ADVANCE})


@dataclass(frozen=True, slots=True)
class Counted:
    """One read of a rollout: its counts, the canary's weight (thousandths) and how many seconds it covers."""

    counts: Counts
    weight: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Passage:
    """How a rule ends the rollout, after how many seconds, and what the canary answered until then.

    `act` is Inconclusive when it had not ended after a day.
    """

    act: Act
    seconds: float
    canary_requests: float
    failed: float
    """Requests that failed, the canary's and stable's."""


def let_through(rule: Rule, reads: Sequence[Counted]) -> Passage:
    """Play the rule against the reads, at least one of which takes time."""
    canary, stable = _to_phases(reads)
    seen, now, act = NOTHING, 0.0, Act.HOLD
    for read in cycle(reads):
        weight, now = rule.weight, now + read.seconds
        counts = _share_out(read.counts, weight, rate_at(canary, weight, now), rate_at(stable, weight, now))
        seen += counts
        act = rule.observe(Observed(counts, weight, now), now).act
        if now >= LONGEST and act in _UNDER_WAY:
            act = Act.INCONCLUSIVE
        if act not in _UNDER_WAY:
            break
    return Passage(act, now, seen.canary_requests, seen.canary_bad + seen.stable_bad)


def _share_out(counts: Counts, weight: int, canary_rate: float, stable_rate: float) -> Counts:
    requests = counts.canary_requests + counts.stable_requests
    canary = requests * weight / FULL_WEIGHT
    stable = requests - canary
    return Counts(canary, canary * canary_rate, stable, stable * stable_rate)


def _to_phases(reads: Sequence[Counted]) -> tuple[Phases, Phases]:
    """The rates of canary and stable by weight; below the least weight they are those at it."""
    by_weight: dict[int, Counts] = {}
    for read in reads:
        by_weight[read.weight] = by_weight.get(read.weight, NOTHING) + read.counts
    least = min(by_weight)
    found = [(0 if weight == least else weight, by_weight[weight]) for weight in sorted(by_weight)]
    return (
        tuple(Phase(_rate(each.canary_bad, each.canary_requests), since) for since, each in found),
        tuple(Phase(_rate(each.stable_bad, each.stable_requests), since) for since, each in found),
    )


def _rate(bad: float, requests: float) -> float:
    return bad / requests if requests > 0 else 0.0
