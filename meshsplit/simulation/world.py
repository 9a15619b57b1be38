"""What a played rollout meets: traffic, error rates that depend on weight and time, bursts, drift and lag."""

import math
from dataclasses import dataclass

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.dispersion import Halves
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.simulation.chance import Chance, draw_bursty, draw_poisson

DRIFT_SECONDS = 3600.0
"""The period of the common drift of both members' error rates."""


@dataclass(frozen=True, slots=True)
class Phase:
    """An error rate within bounds of the canary's weight (thousandths) and of time (seconds)."""

    rate: float
    from_weight: int = 0
    until_weight: int = FULL_WEIGHT
    after: float = -math.inf

    def holds(self, weight: int, now: float) -> bool:
        """Whether this is the phase at that weight and time."""
        return self.from_weight <= weight <= self.until_weight and now >= self.after


Phases = tuple[Phase, ...]
"""The last phase that holds counts; where none does, nothing fails."""


def rate_at(phases: Phases, weight: int, now: float) -> float:
    """The error rate at a weight and a time."""
    return next((phase.rate for phase in reversed(phases) if phase.holds(weight, now)), 0.0)


@dataclass(frozen=True, slots=True)
class World:
    """Traffic in requests/s, the phases of both members, ICC of errors within a read, relative drift of both
    rates over an hour, and the seconds between reads and from a request to the read that shows it.
    """

    traffic: float
    stable: Phases
    canary: Phases
    icc: float = 0.0
    drift: float = 0.0
    read_seconds: float = 15.0
    lag: float = 0.0

    @property
    def late_reads(self) -> int:
        """The lag in whole reads."""
        return math.ceil(self.lag / self.read_seconds)

    def rates(self, weight: int, now: float) -> tuple[float, float]:
        """The canary's and stable's error rate."""
        swing = 1.0 + self.drift * math.sin(2.0 * math.pi * now / DRIFT_SECONDS)
        canary, stable = rate_at(self.canary, weight, now), rate_at(self.stable, weight, now)
        return min(canary * swing, 1.0), min(stable * swing, 1.0)


def draw_counts(world: World, chance: Chance, weight: int, now: float) -> Counts:
    """What happens in the read that ends at `now`: Poisson arrivals, each to the canary with its share."""
    share, requests = weight / FULL_WEIGHT, world.traffic * world.read_seconds
    canary = draw_poisson(chance, requests * share)
    stable = draw_poisson(chance, requests * (1.0 - share))
    p_c, p_s = world.rates(weight, now)
    return Counts(
        canary,
        draw_bursty(chance, canary, p_c, world.icc),
        stable,
        draw_bursty(chance, stable, p_s, world.icc),
    )


def draw_halves(world: World, chance: Chance, now: float) -> Halves:
    """A read of stable's history: two halves of its pods, each with half of the traffic."""
    rate = world.rates(0, now)[1]
    half = world.traffic * world.read_seconds / 2.0
    a, b = draw_poisson(chance, half), draw_poisson(chance, half)
    return Halves(a, draw_bursty(chance, a, rate, world.icc), b, draw_bursty(chance, b, rate, world.icc))
