"""The bounded history of one kind, from which watches and list pages read."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.status import expired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshsplit.local.apiserver.objects import Json

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Event:
    """One change: `before` and `after` are whole objects, None where there was or is none."""

    version: int
    key: tuple[str, str]
    before: Json | None
    after: Json | None


class EventLog:
    """The last `capacity` to 2 x `capacity` events of a kind; older ones are compacted away."""

    def __init__(self, capacity: int, since: int) -> None:
        self._capacity = capacity
        self._events: list[Event] = []
        self._compacted = since

    def append(self, event: Event) -> None:
        """Add the newest event."""
        self._events.append(event)
        if len(self._events) >= 2 * self._capacity:
            self.compact(keep=self._capacity)

    def compact(self, keep: int = 0) -> None:
        """Forget all but the last `keep` events."""
        gone = len(self._events) - keep
        if gone > 0:
            self._compacted = self._events[gone - 1].version
            del self._events[:gone]

    def since(self, version: int, current: int) -> Sequence[Event]:
        """The events after a version, oldest first; Refused (410) when some of them are forgotten."""
        if version < self._compacted:
            raise expired(f"too old resource version: {version} ({current})")
        return self._events[bisect_right(self._events, version, key=lambda event: event.version) :]
