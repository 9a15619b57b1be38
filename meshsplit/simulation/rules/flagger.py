"""Flagger's canary analysis on a success rate.

docs.flagger.app, "Deployment Strategies" and "How it works", and pkg/controller/scheduler.go: at every
interval the success rate of the last interval is compared with the minimum. Below it, or without data, the
failed checks go up and the weight is held; a check that passes raises the weight and resets nothing. The
rollback comes with the tick after the one that reached the threshold. At maxWeight a check that passes
promotes.
"""

from dataclasses import dataclass

from meshsplit.analysis.counts import NOTHING
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act
from meshsplit.simulation.play import Answer, Observed


@dataclass(frozen=True, slots=True)
class FlaggerSettings:
    """`analysis` of a Canary, weights in thousandths: steps of 5 % up to 50 %, 99 % of successes."""

    interval: float = 60.0
    threshold: int = 5
    max_weight: int = 500
    step_weight: int = 50
    min_success: float = 0.99


class Flagger:
    """One canary under Flagger; its first tick sets the first weight without a check."""

    def __init__(self, settings: FlaggerSettings) -> None:
        self._settings = settings
        self.weight = settings.step_weight
        self.failed_checks = 0
        self._window, self._next = NOTHING, settings.interval

    def observe(self, read: Observed, now: float) -> Answer:
        """Gather reads and check at every interval."""
        self._window += read.counts
        if now < self._next:
            return Answer(Act.HOLD, self.weight)
        window, self._window, self._next = self._window, NOTHING, self._next + self._settings.interval
        if self.failed_checks >= self._settings.threshold:
            return Answer(Act.ROLLBACK, 0)
        good = window.canary_requests - window.canary_bad
        if window.canary_requests == 0 or good / window.canary_requests < self._settings.min_success:
            self.failed_checks += 1
            return Answer(Act.HOLD, self.weight)
        if self.weight >= self._settings.max_weight:
            return Answer(Act.PROMOTE, FULL_WEIGHT)
        self.weight = min(self.weight + self._settings.step_weight, self._settings.max_weight)
        return Answer(Act.ADVANCE, self.weight)
