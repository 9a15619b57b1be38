"""Rates and their ratio with an interval, for people: valid for one look, so no decision rests on them."""

import math
from dataclasses import dataclass

from meshsplit.analysis.counts import Counts

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""The normal quantile of 0.975."""
_EXACT = 10_000.0
"""Counts on both sides above which the normal approximation of a binomial (Wilson) is used: off by < 1 %."""
_STEPS = 100
"""Newton's method takes about six; what it cannot do is done by halving."""
_SAME, _NOTHING = 1e-8, 2.0**-53
"""A step so small, beside where it leads or in itself, is the last: the next would be its square."""
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
    tail, near = (1.0 - CONFIDENCE) / 2.0, _wilson(hits, misses)
    low = 0.0 if hits <= 0 else _beta_quantile(tail, hits, misses + 1.0, near[0])
    high = 1.0 if misses <= 0 else _beta_quantile(1.0 - tail, hits + 1.0, misses, near[1])
    return low, high


def _wilson(hits: float, misses: float) -> tuple[float, float]:
    n = hits + misses
    p, z2 = hits / n, _Z * _Z
    middle, half = p + z2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def _beta_quantile(share: float, a: float, b: float, near: float) -> float:
    """Where the distribution function is `share`: Newton's method from `near`, never out of what is left."""
    low, high, x = 0.0, 1.0, near if 0.0 < near < 1.0 else 0.5
    for _ in range(_STEPS):
        excess = _beta_cdf(x, a, b) - share
        low, high = (x, high) if excess < 0.0 else (low, x)
        density = math.exp(_log_front(x, a, b)) / (x * (1.0 - x))
        after = x - excess / density if density > 0.0 else low
        if not low < after < high:
            after = 0.5 * (low + high)
        if abs(after - x) <= max(_SAME * min(after, 1.0 - after), _NOTHING):
            return after
        x = after
    return x


def _beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by continued fraction on the side where that converges."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_cdf(1.0 - x, b, a)
    return math.exp(_log_front(x, a, b)) * _fraction(x, a, b) / a


def _log_front(x: float, a: float, b: float) -> float:
    """Of x^a (1 - x)^b / B(a, b)."""
    return math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)


def _fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction 26.5.8 of Abramowitz and Stegun."""
    numerator, denominator = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or _SMALL)
    value = denominator
    for m in range(1, _ROUNDS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        denominator = 1.0 / (1.0 + even * denominator or _SMALL)
        numerator = 1.0 + even / numerator or _SMALL
        value *= numerator * denominator
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        denominator = 1.0 / (1.0 + odd * denominator or _SMALL)
        numerator = 1.0 + odd / numerator or _SMALL
        value *= numerator * denominator
        if abs(numerator * denominator - 1.0) < _CLOSE:
            break
    return value
