"""Which weight comes next: how far one may go is decided by how many requests could fail before one reacts.

A weight w at R requests/s for a reaction time τ lets w·R·τ requests through; if the canary fails at most u
more often than stable (`excess.py`), at most u·w·R·τ of them fail that would not have. Moving on is allowed
while that stays within the failure budget H. No step spends any of the two error probabilities: evidence of
harm never stops, and promotion needs fresh evidence at the top weight.
"""

from dataclasses import dataclass

from meshsplit.analysis.rollback import WEIGHT_CHANGES

FULL_WEIGHT = 1000
"""Weights are thousandths of the group's traffic."""
FAILURE_BUDGET = 20.0
"""H: requests that may fail in one reaction time."""
REACTION = 30.0
"""τ: seconds from a failure to traffic moved away: one read, its query, the push to the gateways."""
LARGEST_START = 50
GROWTH = 3
TOP = 333
"""Default weight at which promotion is decided, a third."""
READS_APART = 2
"""Reads at a weight before the next."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """How weights go up: the user's `steps` (thousandths, rising), or by the evidence when there are none.

    `interval` is the least number of seconds on one weight, `top` where a ramp without steps ends.
    """

    steps: tuple[int, ...] = ()
    budget: float = FAILURE_BUDGET
    reaction: float = REACTION
    interval: float = 0.0
    top: int = TOP

    @property
    def last(self) -> int:
        """The weight at which promotion is decided."""
        return self.steps[-1] if self.steps else self.top

    @property
    def changes(self) -> int:
        """How many changes of weight come before promotion, at most."""
        return len(self.steps) - 1 if self.steps else WEIGHT_CHANGES

    def affordable(self, traffic: float, bound: float) -> float:
        """The largest weight that keeps within the budget, in thousandths, when at most `bound` fail more."""
        at_risk = traffic * self.reaction * bound
        return FULL_WEIGHT * self.budget / at_risk if at_risk > 0.0 else FULL_WEIGHT


def first_weight(ramp: Ramp, traffic: float) -> int:
    """The weight to begin with at `traffic` requests/s: min(5 %, H/(R·τ)), at least one thousandth."""
    if ramp.steps:
        return ramp.steps[0]
    return max(1, int(min(LARGEST_START, ramp.affordable(traffic, 1.0), ramp.last)))


def next_weight(ramp: Ramp, weight: int, traffic: float, bound: float, reads: int, seconds: float) -> int:
    """The weight after `reads` reads and `seconds` seconds at `weight`; `weight` itself while it is to hold.

    Without steps min(top, 3·w, H/(R·τ·u)); with steps the next one, once u·w·R·τ ≤ H.
    """
    if weight >= ramp.last or reads < READS_APART or seconds < ramp.interval:
        return weight
    affordable = ramp.affordable(traffic, bound)
    if ramp.steps:
        following = next(step for step in ramp.steps if step > weight)
        return following if following <= affordable else weight
    return max(weight, int(min(ramp.last, GROWTH * weight, affordable)))
