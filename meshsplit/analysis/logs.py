"""Sums of numbers that are held as logarithms, so that no product of evidence overflows."""

import math
from collections.abc import Sequence

NEVER = -math.inf
"""The logarithm of 0."""
_LARGEST = 700.0
"""exp of more than 709 overflows a float."""


def log_add(a: float, b: float) -> float:
    """Return ln(eᵃ + eᵇ)."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))


def log_sum(terms: Sequence[float]) -> float:
    """Return ln Σ eᵗ; of nothing, or of zeros only, the logarithm of 0."""
    high = max(terms, default=NEVER)
    if high == NEVER:
        return NEVER
    return high + math.log(sum([math.exp(term - high) for term in terms]))


def log_of(value: float) -> float:
    """Return ln of a number that may be 0."""
    return math.log(value) if value > 0.0 else NEVER


def exp_of(value: float) -> float:
    """Return eˣ for people: at most e⁷⁰⁰, which is enough evidence for anything."""
    return math.exp(min(value, _LARGEST))
