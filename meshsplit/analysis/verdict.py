"""What a read says, with everything a person needs to see why."""

from dataclasses import dataclass
from enum import StrEnum

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.intervals import Interval, rate_interval, ratio_interval


class Decision(StrEnum):
    """What the evidence allows."""

    CONTINUE = "Continue"
    """Neither harm nor safety is shown yet."""
    ROLLBACK = "Rollback"
    PROMOTE = "Promote"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One metric at its most telling edge.

    `seen` counts the whole rollout, `fresh` the time since the weight last went up. `harm` and `safety` are
    the metric's own evidence (100 and 20 are needed by default); `safety` is None when it does not gate.
    """

    metric: str
    edge: str
    seen: Counts
    fresh: Counts
    harm: float
    safety: float | None
    dry_run: bool

    def canary_rate(self) -> Interval:
        """The canary's rate with a 95 % interval for this moment alone; decisions rest on the evidence."""
        return rate_interval(self.seen.canary_requests, self.seen.canary_bad)

    def stable_rate(self) -> Interval:
        """Stable's rate, the same way."""
        return rate_interval(self.seen.stable_requests, self.seen.stable_bad)

    def ratio(self) -> Interval:
        """The canary's rate over stable's, the same way."""
        return ratio_interval(self.seen)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a metric delivered no evidence in a read; `decides` is False for a dry run."""

    metric: str
    reason: str
    decides: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision after one read, the evidence of all deciding metrics together, and each metric's own.

    `bound` is how much more often than stable the canary fails, at most (1: nothing is known). `problems`
    says which metrics delivered no evidence in this read. `suspect` is the pod without which harm is not
    shown.
    """

    decision: Decision
    harm: float
    harm_needed: float
    safety: float
    safety_needed: float
    bound: float
    evidence: tuple[Evidence, ...]
    problems: tuple[Problem, ...] = ()
    suspect: str | None = None

    @property
    def blind(self) -> bool:
        """Whether a metric that decides delivered no evidence, so that the weight has to be held."""
        return any(problem.decides for problem in self.problems)
