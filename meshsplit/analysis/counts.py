"""One read of one metric: requests and bad events of canary and stable member, over the same time."""

import math
from dataclasses import dataclass

LARGEST = 1e15
"""Requests in one read beyond which a count is taken for a fault of the source.

Below 2**53 (9e15) every whole number is exact in a float, also the sum of a day of such reads.
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and bad events of both members; whole numbers, which a source may deliver as floats."""

    canary_requests: float = 0
    canary_bad: float = 0
    stable_requests: float = 0
    stable_bad: float = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Both reads as one."""
        return Counts(
            self.canary_requests + other.canary_requests,
            self.canary_bad + other.canary_bad,
            self.stable_requests + other.stable_requests,
            self.stable_bad + other.stable_bad,
        )

    @property
    def both_served(self) -> bool:
        """Whether the two members can be compared at all."""
        return self.canary_requests > 0 and self.stable_requests > 0


NOTHING = Counts()


def find_problem(counts: Counts) -> str | None:
    """Why `counts` are no evidence (no number, negative, more bad than requests, too large); None if fine."""
    values = (counts.canary_requests, counts.canary_bad, counts.stable_requests, counts.stable_bad)
    if not all(map(math.isfinite, values)):
        return "a count is not a number"
    if min(values) < 0:
        return f"a count is negative: {min(values):g}"
    if max(values) > LARGEST:
        return f"a count is too large: {max(values):g}"
    for member, requests, bad in (("canary", *values[:2]), ("stable", *values[2:])):
        if bad > requests:
            return f"the {member} has more bad events than requests: {bad:g} of {requests:g}"
    return None
