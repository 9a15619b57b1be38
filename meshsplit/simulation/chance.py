"""Chance, passed in, and exact samplers of counts built on it."""

import math
from collections.abc import Callable
from typing import Protocol

_BY_INVERSION = 10.0
"""Means up to here are drawn by adding up probabilities: exact, and as many steps as the count."""


class Chance(Protocol):
    """A source of random numbers; `random.Random(seed)` is one."""

    def random(self) -> float:
        """A number in [0, 1)."""

    def betavariate(self, alpha: float, beta: float, /) -> float:
        """A number in [0, 1] with the beta distribution."""


def draw_poisson(chance: Chance, mean: float) -> int:
    """A Poisson count."""
    if mean <= 0.0:
        return 0
    if mean < _BY_INVERSION:
        return _invert(chance, math.exp(-mean), lambda k: mean / k)
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    log_mean = math.log(mean)
    return _reject(
        chance,
        centre=mean + 0.43,
        a=-0.059 + 0.02483 * b,
        b=b,
        squeeze=0.9277 - 3.6224 / (b - 2.0),
        log_weight=lambda k: k * log_mean - mean - math.lgamma(k + 1.0),
        alpha=1.1239 + 1.1328 / (b - 3.4),
        largest=math.inf,
    )


def draw_binomial(chance: Chance, n: int, p: float) -> int:
    """How many of n succeed, each with probability p."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    if p > 0.5:
        return n - draw_binomial(chance, n, 1.0 - p)
    odds = p / (1.0 - p)
    if n * p < _BY_INVERSION:
        return _invert(chance, (1.0 - p) ** n, lambda k: (n - k + 1) * odds / k)
    spread = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    mode = math.floor((n + 1) * p)
    log_odds = math.log(odds)
    at_mode = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)
    return _reject(
        chance,
        centre=n * p + 0.5,
        a=-0.0873 + 0.0248 * b + 0.01 * p,
        b=b,
        squeeze=0.92 - 4.2 / b,
        log_weight=lambda k: (
            at_mode - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0) + (k - mode) * log_odds
        ),
        alpha=(2.83 + 5.1 / b) * spread,
        largest=n,
    )


def draw_bursty(chance: Chance, n: int, p: float, icc: float) -> int:
    """A beta-binomial count: the rate of the whole read varies, two of its requests correlate by `icc`."""
    if icc <= 0.0 or n <= 1 or not 0.0 < p < 1.0:
        return draw_binomial(chance, n, p)
    weight = (1.0 - icc) / icc
    return draw_binomial(chance, n, chance.betavariate(p * weight, (1.0 - p) * weight))


def _invert(chance: Chance, first: float, ratio: Callable[[int], float]) -> int:
    """The count at which the cumulated probability passes a uniform number; P(k) = P(k−1)·ratio(k)."""
    left, k, probability = chance.random(), 0, first
    while left > probability and probability > 0.0:
        left -= probability
        k += 1
        probability *= ratio(k)
    return k


def _reject(
    chance: Chance,
    *,
    centre: float,
    a: float,
    b: float,
    squeeze: float,
    log_weight: Callable[[int], float],
    alpha: float,
    largest: float,
) -> int:
    """Transformed rejection with squeeze: exact, and about 1.1 tries for any mean.

    W. Hörmann, "The transformed rejection method for generating Poisson random variables" (Insurance:
    Mathematics and Economics 12, 1993), and "The generation of binomial random variates" (Journal of
    Statistical Computation and Simulation 46, 1993), from where the constants are.
    """
    while True:
        u = chance.random() - 0.5
        v = 1.0 - chance.random()
        room = 0.5 - abs(u)
        if room <= 0.0:
            continue
        k = math.floor((2.0 * a / room + b) * u + centre)
        if not 0 <= k <= largest:
            continue
        if room >= 0.07 and v <= squeeze:
            return k
        if math.log(v * alpha / (a / (room * room) + b)) <= log_weight(k):
            return k
