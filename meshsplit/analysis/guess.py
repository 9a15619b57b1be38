"""The guesses that a read is tested with, made from stable's past only."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from meshsplit.analysis.rules import Line, Shape

PRIOR_BAD, PRIOR_REQUESTS = 0.5, 50.0
"""What stable is taken for before its first read: one request in a hundred bad, known as if from 50."""
_LARGEST_GUESS = 0.95
_SMALLEST_GUESS = 1e-9
"""A guess strictly between 0 and 1, however long stable did without an error."""

RISES = ((1.5, 0.25), (2.0, 0.28), (3.0, 0.10), (5.0, 0.18), (10.0, 0.075), (30.0, 0.035))
"""Factors above the line that are looked for, with their share of the bet: chosen so that the requests to a
rollback stay within 1.3 (1.5x and 2x) and 1.5 (5x) of what any rule needs (tests/bench/evidence.py)."""
OUTAGES = ((0.2, 0.04), (0.7, 0.04))
"""Rates that are looked for whatever stable's is."""
SHIFTS = ((0.1, 0.2), (0.25, 0.25), (0.6, 0.25), (1.4, 0.15), (3.0, 0.15))
"""Rises of a tail's log-odds that are looked for."""


@dataclass(frozen=True, slots=True)
class Past:
    """Stable's counts before the read at hand, history from before the rollout included."""

    requests: float = 0.0
    bad: float = 0.0

    def guess(self) -> float:
        """θ_s. A wrong one costs power, never validity: it is fixed before the read it is used on."""
        rate = (self.bad + PRIOR_BAD) / (self.requests + PRIOR_REQUESTS)
        return min(max(rate, _SMALLEST_GUESS), _LARGEST_GUESS)

    def after(self, requests: float, bad: float) -> "Past":
        """The past as the next read sees it."""
        return Past(self.requests + requests, self.bad + bad)


LOG_SHARES = {
    Shape.RATE: tuple(math.log(share) for _, share in RISES + OUTAGES),
    Shape.TAIL: tuple(math.log(share) for _, share in SHIFTS),
}
"""The logarithm of the share of the bet on each guess of `guess_rises`; the shares add up to 1."""


def guess_rises(shape: Shape, harm: Line, theta_s: float) -> Iterator[float | None]:
    """θ_c of every bet, in the order of `LOG_SHARES`; None where a bet is void, the guess being no harm.

    A guess below the line would test the opposite hypothesis, and its factor would be no e-value.
    """
    equal = harm.at(theta_s)
    if shape is Shape.RATE:
        yield from (_above(equal, rise * equal) for rise, _ in RISES)
        yield from (_above(equal, rate) for rate, _ in OUTAGES)
    else:
        yield from (_above(equal, _shifted(equal, shift)) for shift, _ in SHIFTS)


def _above(equal: float, guess: float) -> float | None:
    capped = min(guess, _LARGEST_GUESS)
    return capped if capped > equal else None


def _shifted(rate: float, shift: float) -> float:
    """The rate whose log-odds are `shift` more."""
    if rate >= 1.0:
        return 1.0
    return 1.0 / (1.0 + (1.0 - rate) / rate * math.exp(-shift))
