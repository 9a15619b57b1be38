"""Bookmarks as plain JSON values and back, without loss."""

import math
from collections.abc import Mapping
from typing import Any

from meshsplit.analysis.counters import Cursor, Mark, SeriesKey
from meshsplit.analysis.metrics import Bookmark

VERSION = 1


def to_plain(bookmark: Bookmark) -> dict[str, Any]:
    """The bookmark as dicts, lists and numbers; a mark's time only where it is not the cursor's."""
    cursor = bookmark.cursor
    marks: dict[str, dict[str, list[float]]] = {}
    for mark in cursor.marks:
        value = [mark.value] if mark.at == cursor.at else [mark.value, mark.at]
        marks.setdefault(mark.key.pod, {})[mark.key.name] = value
    return {
        "version": VERSION,
        "at": cursor.at,
        "places": list(bookmark.places),
        "pods": sorted(cursor.pods),
        "marks": marks,
    }


def to_bookmark(plain: Mapping[str, Any]) -> Bookmark:
    """What `to_plain` wrote; an empty bookmark, which only costs one read, for anything else."""
    try:
        return _read(plain)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Bookmark()


def _read(plain: Mapping[str, Any]) -> Bookmark:
    if plain["version"] != VERSION:
        raise ValueError("another version")
    at = None if plain["at"] is None else _number(plain["at"])
    marks = [
        Mark(SeriesKey(str(pod), str(name)), _number(value[0]), _number(value[1] if value[1:] else at))
        for pod, values in plain["marks"].items()
        for name, value in values.items()
    ]
    cursor = Cursor(at, frozenset(map(str, plain["pods"])), tuple(sorted(marks, key=lambda mark: mark.key)))
    return Bookmark(cursor, tuple(sorted(map(str, plain["places"]))))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)
