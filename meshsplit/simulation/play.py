"""One rollout, read by read."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.verdict import Verdict
from meshsplit.analysis.walk import Act
from meshsplit.simulation.chance import Chance
from meshsplit.simulation.world import World, draw_counts

LONGEST = 86_400.0
"""Seconds after which a rollout that its rule never ends is called inconclusive."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The counts of one read, the weight (thousandths) during it, and when it ended."""

    counts: Counts
    weight: int
    at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rule does after a read, and the weight that leads to; `verdict` where the rule is ours."""

    act: Act
    weight: int
    verdict: Verdict | None = None


class Rule(Protocol):
    """A decision rule on its way through one rollout."""

    @property
    def weight(self) -> int:
        """The canary's weight in force, in thousandths."""

    def observe(self, read: Observed, now: float) -> Answer:
        """Judge a read that becomes known at `now`; the weight of the answer is in force from then."""


@dataclass(frozen=True, slots=True)
class Row:
    """One read as a rule saw it, and what it did."""

    now: float
    read: Observed
    answer: Answer


@dataclass(frozen=True, slots=True)
class Run:
    """How a rollout ended: the act, when, the largest weight, and what the canary did until then.

    `excess` is how many more requests failed than would have on stable, in expectation over stable.
    """

    act: Act
    seconds: float
    largest_weight: int
    canary_requests: int
    canary_failures: int
    excess: float
    all_requests: int


@dataclass(slots=True)
class _Tally:
    """What the canary did so far."""

    requests: float = 0.0
    failures: float = 0.0
    excess: float = 0.0
    all_requests: float = 0.0
    largest_weight: int = 0

    def add(self, counts: Counts, weight: int, stable_rate: float) -> None:
        self.requests += counts.canary_requests
        self.failures += counts.canary_bad
        self.excess += counts.canary_bad - counts.canary_requests * stable_rate
        self.all_requests += counts.canary_requests + counts.stable_requests
        self.largest_weight = max(self.largest_weight, weight)


def play(world: World, rule: Rule, chance: Chance, note: Callable[[Row], None] | None = None) -> Run:
    """Play until the rule ends the rollout; `note` is called with every read it saw."""
    waiting: deque[Observed] = deque()
    tally, now, act = _Tally(), 0.0, Act.HOLD
    while act in {Act.HOLD, Act.ADVANCE}:
        weight, now = rule.weight, now + world.read_seconds
        counts = draw_counts(world, chance, weight, now)
        tally.add(counts, weight, world.rates(weight, now)[1])
        waiting.append(Observed(counts, weight, now))
        if len(waiting) <= world.late_reads:
            continue
        read = waiting.popleft()
        answer = rule.observe(read, now)
        act = answer.act if now < LONGEST else Act.INCONCLUSIVE
        if note is not None:
            note(Row(now, read, answer))
    return Run(
        act,
        now,
        tally.largest_weight,
        int(tally.requests),
        int(tally.failures),
        tally.excess,
        int(tally.all_requests),
    )
