"""What the routes of groups say, and since when: weights that were decided may not be written yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meshsplit.rollout.splits import to_thousandths

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.controller.measured import Measured
    from meshsplit.model import GroupKey, Split


@dataclass(frozen=True, slots=True)
class _Since:
    """A split, and since when (Unix seconds); None: since before anybody looked."""

    split: Split | None
    at: float | None = None


class Routed:
    """For several threads, each on another group; `wall` are Unix seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._seen: dict[GroupKey, _Since] = {}

    def note(self, key: GroupKey, split: Split | None) -> None:
        """The group's routes say `split` now."""
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = _Since(split)
        elif seen.split != split:
            self._seen[key] = _Since(split, self._wall())

    def forget(self, key: GroupKey) -> None:
        """The group is walked no more."""
        self._seen.pop(key, None)

    def changed_at(self, key: GroupKey) -> float | None:
        """When the routes changed last, if that was seen."""
        seen = self._seen.get(key)
        return seen.at if seen is not None else None

    def weigh(self, key: GroupKey, measured: Measured | None, canary: str) -> Measured | None:
        """What was measured, at no larger weight than the routes gave the canary.

        Nothing was counted at a weight that could not be written yet.
        """
        seen = self._seen.get(key)
        if measured is None or measured.reading is None or seen is None or seen.split is None:
            return measured
        reading = measured.reading
        weight = min(reading.read.weight, to_thousandths(seen.split).get(canary, 0))
        return replace(measured, reading=replace(reading, read=replace(reading.read, weight=weight)))
