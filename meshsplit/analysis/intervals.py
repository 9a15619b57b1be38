"""Rates and their ratio with an interval, for people: valid for one look, so no decision rests on them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from meshsplit.analysis.counts import Counts

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""The normal quantile of 0.975."""
_EXACT = 10_000.0
"""Counts on both sides above which the normal approximation of a binomial (Wilson) is used: off by < 1 %."""
_HALVINGS = 60
_ROUNDS = 500
_SMALL = 1e-300
_CLOSE = 1e-14


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval; `point` is None when nothing was counted, `high` may be infinite."""

    point: float | None
    low: float
    high: float


def rate_interval(requests: float, bad: float) -> Interval:
    """Clopper and Pearson's interval of a rate; (0, 1) without requests."""
    if requests <= 0:
        return Interval(None, 0.0, 1.0)
    return Interval(bad / requests, *_proportion(bad, requests - bad))


def ratio_interval(counts: Counts) -> Interval:
    """The canary's rate over stable's, conditional on how many bad events there were in all.

    Given their sum, the canary's bad events are binomial with odds (rate ratio) x (request ratio); exact for
    rare events (Przyborowski and Wilenski, Biometrika 31, 1940), wider than needed for frequent ones.
    """
    if not counts.both_served or counts.canary_bad + counts.stable_bad <= 0:
        return Interval(None, 0.0, math.inf)
    exposure = counts.canary_requests / counts.stable_requests
    low, high = _proportion(counts.canary_bad, counts.stable_bad)
    point = math.inf if counts.stable_bad == 0 else counts.canary_bad / counts.stable_bad / exposure
    return Interval(point, _odds(low) / exposure, _odds(high) / exposure)


def _odds(share: float) -> float:
    return share / (1.0 - share) if share < 1.0 else math.inf


def _proportion(hits: float, misses: float) -> tuple[float, float]:
    """The 95 % interval of the share of hits."""
    if min(hits, misses) > _EXACT:
        return _wilson(hits, misses)
    tail = (1.0 - CONFIDENCE) / 2.0
    low = 0.0 if hits <= 0 else _solve(lambda p: _beta_cdf(p, hits, misses + 1.0) - tail)
    high = 1.0 if misses <= 0 else _solve(lambda p: _beta_cdf(p, hits + 1.0, misses) - (1.0 - tail))
    return low, high


def _wilson(hits: float, misses: float) -> tuple[float, float]:
    n = hits + misses
    p, z2 = hits / n, _Z * _Z
    middle, half = p + z2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def _solve(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if rising(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by continued fraction on the side where that converges."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_cdf(1.0 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction 26.5.8 of Abramowitz and Stegun."""
    numerator, denominator = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    value = denominator
    for m in range(1, _ROUNDS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            denominator = 1.0 / _away(1.0 + term * denominator)
            numerator = _away(1.0 + term / numerator)
            value *= numerator * denominator
        if abs(numerator * denominator - 1.0) < _CLOSE:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _SMALL else _SMALL
