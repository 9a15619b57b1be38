"""Weights as ranges of request ids: which requests a bucket route takes.

A request's bucket is the first three hex digits of `x-request-id`. The gateway makes the id itself, a random
UUID in lower case (Envoy, source/common/common/random_generator.cc), and writes its trace decision into a
later digit (source/extensions/request_id/uuid/config.cc), so the 4,096 buckets are equally likely.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise

HEADER = "x-request-id"
DIGITS = 3
HEX = "0123456789abcdef"
BUCKETS = len(HEX) ** DIGITS
_REMEMBERED = 1024
"""Splits whose ranges are kept: most groups of a fleet have one of a few."""


@dataclass(frozen=True, slots=True)
class BucketRange:
    """Buckets `first` to `last`, both included."""

    first: int
    last: int


@lru_cache(_REMEMBERED)
def make_ranges(weights: tuple[int, ...]) -> tuple[BucketRange, ...]:
    """Cut all buckets into one range a weight (each >= 1, sum at most 4,096), cumulative in the given order.

    Every boundary is the nearest one to its exact place, so the traffic before it is off by at most half a
    bucket (0.0122 points). When a weight grows at the cost of later ones, every boundary stays or moves up:
    requests move only from later ranges to earlier ones.
    """
    total = sum(weights)
    if not weights or min(weights) < 1 or total > BUCKETS:
        raise ValueError(f"weights {weights} cannot be cut into {BUCKETS} buckets")
    ends = [(2 * cumulative * BUCKETS + total) // (2 * total) for cumulative in accumulate(weights)]
    return tuple(BucketRange(first, end - 1) for first, end in pairwise([0, *ends]))


@cache
def make_regex(buckets: BucketRange) -> str:
    """Write the RE2 that matches, as a whole, the ids in `buckets`: the shortest list of digit prefixes."""
    first, last = (f"{bucket:0{DIGITS}x}" for bucket in (buckets.first, buckets.last))
    return f"(?:{'|'.join(_prefixes('', first, last))}).*"


def _prefixes(prefix: str, first: str, last: str) -> Iterator[str]:
    """Prefixes of exactly the digit strings from `prefix + first` to `prefix + last`, in order."""
    low, high = HEX.index(first[0]), HEX.index(last[0])
    least, most = HEX[0] * (len(first) - 1), HEX[-1] * (len(first) - 1)
    if low == high and (first[1:], last[1:]) != (least, most):
        yield from _prefixes(prefix + first[0], first[1:], last[1:])
        return
    cut_low, cut_high = first[1:] != least, last[1:] != most
    if cut_low:
        yield from _prefixes(prefix + first[0], first[1:], most)
    whole = HEX[low + cut_low : high + 1 - cut_high]
    if whole:
        yield prefix + _one_of(whole)
    if cut_high:
        yield from _prefixes(prefix + last[0], least, last[1:])


def _one_of(digits: str) -> str:
    """Write a run of neighbouring digits as a literal or a class; `9` and `a` are no neighbours in ASCII."""
    if len(digits) == 1:
        return digits
    numbers = digits.rstrip(HEX[10:])
    letters = digits[len(numbers) :]
    return f"[{_span(numbers)}{_span(letters)}]"


def _span(run: str) -> str:
    return run if len(run) < 3 else f"{run[0]}-{run[-1]}"
