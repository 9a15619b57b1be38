"""The splits that serve, and a line for each that changes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meshsplit.cli.compare import splits_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from meshsplit.cli.output import Output
    from meshsplit.model import GroupKey, Split


class ServedSplits:
    """What Envoy serves of every group, told by whoever changes it; safe for any thread."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._changed = threading.Condition()
        self._current: dict[GroupKey, Split] = {}
        self.printing = False
        """Whether changes are printed; at the start the banner says it all."""

    @property
    def current(self) -> Mapping[GroupKey, Split]:
        """The split of every group that has routes, as it is now."""
        return self._current

    def update(self, served: Sequence[Mapping[str, Any]]) -> None:
        """Take over the VirtualServices that serve from now on."""
        with self._changed:
            before, self._current = self._current, splits_of(served)
            self._changed.notify_all()
        if self.printing:
            self._say_changes(before, self._current)

    def wait_for(self, group: GroupKey, split: Split | None, seconds: float) -> bool:
        """Whether the group serves that split (None: any) within so many seconds."""

        def serves() -> bool:
            found = self._current.get(group)
            return found is not None if split is None else found == split

        with self._changed:
            return self._changed.wait_for(serves, seconds)

    def _say_changes(self, before: Mapping[GroupKey, Split], after: Mapping[GroupKey, Split]) -> None:
        for key in sorted({*before, *after}):
            old, new = before.get(key), after.get(key)
            if old != new:
                now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                self._output.say(f"{now} {key} {old or 'no routes'} → {new or 'no routes'}")
