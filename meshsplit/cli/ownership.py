"""Who wrote a field last, as the API server records it (metadata.managedFields)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meshsplit.cli.splits import mapping, to_time

FieldNames = tuple[str, ...]

_APPLY = "Apply"


@dataclass(frozen=True, slots=True)
class Writer:
    """A field manager, and when it last wrote what it owns."""

    manager: str
    time: datetime | None
    applies: bool


def find_writers(body: Mapping[str, Any], path: FieldNames) -> tuple[Writer, ...]:
    """The managers that own the field at `path` or anything inside it, the latest first.

    Keys in `path` are plain names; the elements of a list cannot be told apart.
    """
    entries = mapping(body, "metadata").get("managedFields")
    writers = [
        Writer(
            str(entry.get("manager") or "unknown"),
            to_time(entry.get("time")),
            entry.get("operation") == _APPLY,
        )
        for entry in (entries if isinstance(entries, Sequence) else ())
        if isinstance(entry, Mapping) and _owns(mapping(entry, "fieldsV1"), path)
    ]
    return tuple(sorted(writers, key=_latest_first))


@dataclass(frozen=True, slots=True)
class Authorship:
    """A manager that wrote a field last in some objects, their names sorted, and the latest time it did."""

    writer: Writer
    names: tuple[str, ...]


def find_authors(bodies: Iterable[Mapping[str, Any]], path: FieldNames) -> tuple[Authorship, ...]:
    """Who wrote the field last in each object, one entry a manager, the latest first."""
    latest = [
        (writers[0], body["metadata"]["name"]) for body in bodies if (writers := find_writers(body, path))
    ]
    latest.sort(key=lambda pair: _latest_first(pair[0]))
    by_manager: dict[str, Authorship] = {}
    for writer, name in latest:
        known = by_manager.get(writer.manager, Authorship(writer, ()))
        by_manager[writer.manager] = Authorship(known.writer, tuple(sorted((*known.names, name))))
    return tuple(by_manager.values())


def _owns(fields: Mapping[str, Any], path: FieldNames) -> bool:
    inner: Any = fields
    for name in path:
        inner = inner.get(f"f:{name}") if isinstance(inner, Mapping) else None
    return inner is not None


def _latest_first(writer: Writer) -> tuple[bool, float, str]:
    return writer.time is None, -writer.time.timestamp() if writer.time else 0.0, writer.manager
