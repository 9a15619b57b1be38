"""Whole weights from shares that need not be whole."""

from collections.abc import Mapping
from fractions import Fraction

from meshsplit.model import FULL, Split


def apportion(shares: Mapping[str, int], total: int = FULL) -> Split:
    """Divide `total` in proportion to `shares` (>= 0, not all 0) by largest remainder, ties by name.

    The rule of Hamilton's method: everyone gets the whole part, what is left goes to the largest fractions.
    """
    whole = sum(shares.values())
    if whole <= 0 or min(shares.values()) < 0:
        raise ValueError(f"shares {dict(shares)} cannot be apportioned")
    exact = {name: Fraction(share * total, whole) for name, share in shares.items()}
    weights = {name: int(quota) for name, quota in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (weights[name] - exact[name], name))
    for name in by_remainder[: total - sum(weights.values())]:
        weights[name] += 1
    return Split(tuple(sorted(weights.items())), total)
