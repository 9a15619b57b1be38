"""The naive way: a z-test of two proportions at every read, as if it were the only one."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from meshsplit.analysis.counts import NOTHING, Counts
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act
from meshsplit.simulation.play import Answer, Observed


@dataclass(frozen=True, slots=True)
class FixedZSettings:
    """The one-sided error probability of a single look, a fixed weight, and when to promote (seconds)."""

    error_rate: float = 0.01
    weight: int = 100
    lifetime: float = 1800.0


class FixedZ:
    """One canary under repeated z-tests at a fixed weight."""

    def __init__(self, settings: FixedZSettings) -> None:
        self._settings = settings
        self.weight = settings.weight
        self._seen = NOTHING
        self._needed = NormalDist().inv_cdf(1.0 - settings.error_rate)

    def observe(self, read: Observed, now: float) -> Answer:
        """Test everything seen so far."""
        self._seen += read.counts
        if to_z(self._seen) >= self._needed:
            return Answer(Act.ROLLBACK, 0)
        if now >= self._settings.lifetime:
            return Answer(Act.PROMOTE, FULL_WEIGHT)
        return Answer(Act.HOLD, self.weight)


def to_z(counts: Counts) -> float:
    """The pooled z-statistic of the canary's rate above stable's; 0 where it is not defined."""
    n_c, n_s = counts.canary_requests, counts.stable_requests
    if not counts.both_served:
        return 0.0
    pooled = (counts.canary_bad + counts.stable_bad) / (n_c + n_s)
    spread = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n_c + 1.0 / n_s))
    return (counts.canary_bad / n_c - counts.stable_bad / n_s) / spread if spread > 0.0 else 0.0
