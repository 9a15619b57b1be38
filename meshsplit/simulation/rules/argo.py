"""Argo Rollouts' background analysis of a success rate.

argo-rollouts.readthedocs.io, "Analysis & Progressive Delivery", and analysis/analysis.go: weights follow
timed steps; beside them a metric is measured at every interval. A measurement below the success condition
fails, and more than failureLimit failures abort the rollout. A measurement without data is an error, and more
than consecutiveErrorLimit errors in a row abort too. The defaults are those of the page's first example, with
the analysis beginning at the first step.
"""

from dataclasses import dataclass

from meshsplit.analysis.counts import NOTHING
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act
from meshsplit.simulation.play import Answer, Observed


@dataclass(frozen=True, slots=True)
class ArgoSettings:
    """Steps in thousandths, the pause after each in seconds, and the metric of an AnalysisTemplate."""

    steps: tuple[int, ...] = (200, 400, 600, 800)
    pause: float = 600.0
    interval: float = 300.0
    min_success: float = 0.95
    failure_limit: int = 3
    consecutive_error_limit: int = 4
    starting_step: int = 0


class Argo:
    """One rollout under Argo Rollouts."""

    def __init__(self, settings: ArgoSettings) -> None:
        self._settings = settings
        self._step = 0
        self.failures = self.errors_in_a_row = 0
        self._window, self._next_step = NOTHING, settings.pause
        self._next_measurement = settings.starting_step * settings.pause + settings.interval

    @property
    def weight(self) -> int:
        """The weight of the current step."""
        return self._settings.steps[self._step]

    def observe(self, read: Observed, now: float) -> Answer:
        """Gather reads; measure at every interval, step at every pause."""
        self._window += read.counts
        if now >= self._next_measurement:
            self._measure()
        settings = self._settings
        if self.failures > settings.failure_limit or self.errors_in_a_row > settings.consecutive_error_limit:
            return Answer(Act.ROLLBACK, 0)
        if now < self._next_step:
            return Answer(Act.HOLD, self.weight)
        self._next_step += settings.pause
        if self._step + 1 == len(settings.steps):
            return Answer(Act.PROMOTE, FULL_WEIGHT)
        self._step += 1
        return Answer(Act.ADVANCE, self.weight)

    def _measure(self) -> None:
        window, self._window = self._window, NOTHING
        self._next_measurement += self._settings.interval
        if window.canary_requests == 0:
            self.errors_in_a_row += 1
            return
        self.errors_in_a_row = 0
        good = window.canary_requests - window.canary_bad
        self.failures += good / window.canary_requests < self._settings.min_success
