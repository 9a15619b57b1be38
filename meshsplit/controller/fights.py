"""How often an object that somebody else keeps changing is put right again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsplit.model import ObjectIdentity

FREE_REPAIRS = 3
"""Repairs of one object that are not delayed: a person's edits are few."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
PEACE_SECONDS = 300.0
"""An object that was left alone that long starts over."""


@dataclass(slots=True)
class _Record:
    wanted: bytes
    repairs: int
    at: float


class Fights:
    """Counts, for each object, how often the same content had to be written again; for one key at a time."""

    def __init__(self) -> None:
        self._records: dict[ObjectIdentity, _Record] = {}

    def pause(self, identity: ObjectIdentity, wanted: bytes, now: float) -> float:
        """Seconds to wait before `wanted` is written (0: now), at `now` on a clock of seconds."""
        record = self._records.get(identity)
        if record is None or record.wanted != wanted or record.repairs < FREE_REPAIRS:
            return 0.0
        doublings = min(record.repairs - FREE_REPAIRS, 32)
        due = record.at + min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**doublings)
        return max(0.0, due - now)

    def note(self, identity: ObjectIdentity, wanted: bytes, now: float) -> int:
        """It was written; how often that content was written before without being left alone since."""
        record = self._records.get(identity)
        if record is None or record.wanted != wanted or now - record.at > PEACE_SECONDS:
            self._records[identity] = _Record(wanted, 0, now)
            return 0
        record.repairs += 1
        record.at = now
        return record.repairs

    def forget(self, identity: ObjectIdentity) -> None:
        """The object is gone."""
        self._records.pop(identity, None)
