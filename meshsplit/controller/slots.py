"""How many rollouts run at the same time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsplit.model import GroupKey


class Slots:
    """The groups whose rollout moves traffic; for use by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[GroupKey] = set()

    def is_free(self, key: GroupKey, most: int | None) -> bool:
        """Whether `claim` would succeed."""
        with self._lock:
            return key in self._taken or most is None or len(self._taken) < most

    def claim(self, key: GroupKey, most: int | None) -> bool:
        """Take a slot, or keep the one that is held; False when all are taken."""
        with self._lock:
            if key not in self._taken and most is not None and len(self._taken) >= most:
                return False
            self._taken.add(key)
            return True

    def note(self, key: GroupKey, taken: bool) -> None:
        """Say whether the group's rollout runs."""
        with self._lock:
            (self._taken.add if taken else self._taken.discard)(key)
