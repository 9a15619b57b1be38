"""What was understood lately, for whoever asks about the same objects again: a tick, or a group's members."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import chain
from typing import TYPE_CHECKING

from meshsplit.kserve.source import understand

if TYPE_CHECKING:
    from meshsplit.kserve.observed import Observed
    from meshsplit.kserve.source import Understanding
    from meshsplit.model import Settings

REMEMBERED = 2048
"""Surroundings of as many groups: more than move at the same time, and some kilobytes each."""


class Understood:
    """`understand` for several threads, which remembers its last answers.

    It depends on nothing but values that never change and are decoded once a version, so the very same ones
    have the same answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, ...], tuple[tuple[object, ...], Understanding]] = OrderedDict()

    def find(self, observed: Observed) -> Understanding:
        """What `understand` says of `observed`."""
        values = _list_values(observed)
        key = tuple(map(id, values))
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept[1]
        understanding = understand(observed, self._settings)
        with self._lock:
            self._kept[key] = values, understanding  # held, an id belongs to nothing else
            if len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return understanding


def _list_values(observed: Observed) -> tuple[object, ...]:
    """Everything in it; by no name, since every value knows its own."""
    return tuple(
        chain(
            observed.services.values(),
            observed.runtimes.values(),
            observed.namespaces.values(),
            observed.splits.values(),
            observed.malformed.values(),
            observed.broken_groups.values(),
            observed.findings,
        )
    )
