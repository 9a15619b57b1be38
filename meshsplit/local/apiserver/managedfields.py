"""Who owns which field: `metadata.managedFields` under updates and under server-side apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver.fieldsets import (
    EMPTY,
    FieldSet,
    closed,
    compare,
    fields_of,
    from_fields_v1,
    merged,
    to_fields_v1,
    to_text,
    union,
    without,
)
from meshsplit.local.apiserver.status import Cause, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.structure import Path, Schema

APPLY = "Apply"
UPDATE = "Update"


@dataclass(frozen=True, slots=True, order=True)
class Manager:
    """The identity of one entry: the same name applying and updating is two managers."""

    operation: str
    name: str
    version: str
    subresource: str

    def __str__(self) -> str:
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text if self.operation == APPLY else f"{text} using {self.version}"


@dataclass(frozen=True, slots=True)
class Owned:
    """The fields of one manager and when it last changed the object; None when it never did."""

    fields: FieldSet
    time: str | None


Ownership = dict[Manager, Owned]


def decode(entries: Any) -> Ownership:
    """The owners named by `metadata.managedFields`; entries without fields are dropped."""
    owners: Ownership = {}
    for entry in entries or ():
        version = entry.get("apiVersion", "") if entry.get("operation") != APPLY else ""
        manager = Manager(
            entry.get("operation", ""), entry.get("manager", ""), version, entry.get("subresource", "")
        )
        fields = from_fields_v1(entry.get("fieldsV1") or {})
        if fields:
            owners[manager] = Owned(fields, entry.get("time"))
    return owners


def encode(owners: Ownership, version: str) -> list[Json]:
    """`metadata.managedFields`: applies first, then by time (seconds) and name."""

    def order(item: tuple[Manager, Owned]) -> tuple[str, str, str, str]:
        return item[0].operation, item[1].time or "", item[0].name, item[0].subresource

    return [_entry(manager, owned, version) for manager, owned in sorted(owners.items(), key=order)]


def _entry(manager: Manager, owned: Owned, version: str) -> Json:
    return {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.version or version,
        **({"time": owned.time} if owned.time else {}),
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields_v1(owned.fields),
        **({"subresource": manager.subresource} if manager.subresource else {}),
    }


def after_update(
    owners: Ownership, live: Json, changed: Json, schema: Schema, manager: Manager, now: str
) -> Ownership:
    """The owners after an update: what it set is its own, what it removed is nobody's."""
    difference = compare(live, changed, schema)
    touched = difference.added | difference.modified
    left = _minus(owners, touched | difference.removed, but=manager)
    mine = owners.get(manager, Owned(EMPTY, None))
    fields = (mine.fields - difference.removed) | touched
    if fields:
        left[manager] = Owned(fields, now if touched else mine.time)
    else:
        left.pop(manager, None)
    return left


def _minus(owners: Ownership, lost: FieldSet, but: Manager) -> Ownership:
    left: Ownership = {}
    for manager, owned in owners.items():
        kept = owned if manager == but else replace(owned, fields=owned.fields - lost)
        if kept.fields:
            left[manager] = kept
    return left


def after_apply(
    owners: Ownership, live: Json, applied: Json, schema: Schema, manager: Manager, *, force: bool, now: str
) -> tuple[Json, Ownership]:
    """The merged object and its owners; Refused (409) on fields of others unless `force`.

    What the manager no longer names and nobody else owns is removed.
    """
    fields = fields_of(applied, schema)
    last = owners.get(manager, Owned(EMPTY, None))
    others = {other: owned for other, owned in owners.items() if other != manager}
    kept = closed(fields | union(owned.fields for owned in others.values()))
    result = without(merged(live, applied, schema), schema, closed(last.fields) - kept)
    difference = compare(live, result, schema)
    touched = difference.added | difference.modified
    conflicts = {other: owned.fields & touched for other, owned in others.items()}
    if not force and any(conflicts.values()):
        raise _conflict(conflicts)
    left = _minus(others, touched | difference.removed, but=manager)
    if fields:
        left[manager] = Owned(fields, last.time if result == live else now)
    return result, left


def _conflict(conflicts: Mapping[Manager, FieldSet]) -> Refused:
    found: list[tuple[Manager, Path]] = sorted((m, path) for m, paths in conflicts.items() for path in paths)
    causes = [
        Cause("FieldManagerConflict", f"conflict with {manager}", to_text(path)) for manager, path in found
    ]
    if len(found) == 1:
        text = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {to_text(found[0][1])}"
    else:
        blocks = [
            f"conflicts with {manager}:\n" + "\n".join(f"- {to_text(p)}" for m, p in found if m == manager)
            for manager in sorted({manager for manager, _ in found})
        ]
        text = f"Apply failed with {len(found)} conflicts: " + "\n".join(blocks)
    return Refused(409, "Conflict", text, {"causes": [cause.to_json() for cause in causes]})
