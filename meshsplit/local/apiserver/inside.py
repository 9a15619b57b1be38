"""What other threads of this process see of the cluster without HTTP: objects, and that some changed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.store import Store
    from meshsplit.local.apiserver.stream import Bells

Kind = tuple[str, str]
"""(group, plural), what all versions of a kind share."""


def snapshot_of(store: Store, kinds: Iterable[Kind]) -> Mapping[Kind, tuple[Json, ...]]:
    """The stored objects by kind, each kind's by namespace and name; only in the server's event loop."""
    return {kind: tuple(_objects(store, kind)) for kind in kinds}


def _objects(store: Store, kind: Kind) -> list[Json]:
    held = store.collection(kind)
    found = (held.get(key) for key in held.sorted_keys())
    return [stored for stored in found if stored is not None]


class Changes:
    """Whether objects of some kinds have changed since one last waited; for one waiting thread."""

    def __init__(self, kinds: frozenset[Kind], bells: Bells) -> None:
        self._kinds = kinds
        self._bells = bells
        self._rung = threading.Event()

    def open(self) -> None:
        """Begin to listen; only in the server's event loop."""
        for kind in self._kinds:
            self._bells.listen(kind, self._rung)

    def wake(self) -> None:
        """End a wait at once, as a change would."""
        self._rung.set()

    def wait(self, seconds: float, quiet: float, burst: float) -> bool:
        """Whether something changed within `seconds`.

        After the first change, wait on until `quiet` seconds pass without another, `burst` at the most.
        """
        if not self._rung.wait(seconds):
            return False
        end = time.monotonic() + burst
        while time.monotonic() < end:
            self._rung.clear()
            if not self._rung.wait(quiet):
                break
        self._rung.clear()
        return True
