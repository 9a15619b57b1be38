"""How long to wait after the n-th failure in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_DOUBLINGS = 64
"""Far beyond any cap, and small enough for a float."""

JITTER = 0.2
"""A delay is drawn from ± this share of it, so that what failed together does not return together."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: `base` doubled with every failure up to `cap`, then spread by ± `jitter`."""

    base: float
    cap: float
    jitter: float = JITTER

    def delay(self, failures: int, random: Callable[[], float]) -> float:
        """The wait after `failures` earlier ones (0 for the first); `random` draws from [0, 1)."""
        doublings = min(failures, _MAX_DOUBLINGS)
        return min(self.cap, self.base * 2.0**doublings) * (1.0 + self.jitter * (2.0 * random() - 1.0))
