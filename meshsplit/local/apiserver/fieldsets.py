"""Sets of field paths: what a configuration names, what a change touched, and their FieldsV1 form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from meshsplit.local.apiserver.objects import Json
from meshsplit.local.apiserver.structure import Path, Schema, children, is_atomic, item_step

FieldSet = frozenset[Path]
EMPTY: FieldSet = frozenset()
# Part of every object and owned by nobody (managedfields/internal/stripmeta.go).
_UNOWNED = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        )
    }
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paths by which two values differ."""

    added: FieldSet
    modified: FieldSet
    removed: FieldSet


def fields_of(value: Any, schema: Schema) -> FieldSet:
    """The paths a configuration names: leaves, items, empty maps and undeclared map keys."""
    found: set[Path] = set()
    _collect(value, schema, (), found)
    return frozenset(found) - _UNOWNED


def _collect(value: Any, schema: Schema, at: Path, found: set[Path]) -> None:
    if is_atomic(schema, value):
        if at:
            found.add(at)
        return
    for step, (part, inner, declared) in children(schema, value).items():
        path = (*at, step)
        if not declared or part is None or part == {}:
            found.add(path)
        _collect(part, inner, path, found)


def compare(old: Any, new: Any, schema: Schema) -> Comparison:
    """What an update changed; containers that came or went are named with everything below them."""
    added: set[Path] = set()
    modified: set[Path] = set()
    removed: set[Path] = set()

    def walk(before: Any, after: Any, inner: Schema, at: Path) -> None:
        if before == after and type(before) is type(after):
            return
        if is_atomic(inner, before) or is_atomic(inner, after) or type(before) is not type(after):
            modified.add(at)
            return
        held, given = children(inner, before), children(inner, after)
        for step in held.keys() | given.keys():
            path = (*at, step)
            if step not in given:
                _everything(held[step][0], held[step][1], path, removed)
            elif step not in held:
                _everything(given[step][0], given[step][1], path, added)
            else:
                walk(held[step][0], given[step][0], given[step][1], path)

    walk(old, new, schema, ())
    return Comparison(*(frozenset(found) - _UNOWNED for found in (added, modified, removed)))


def _everything(value: Any, schema: Schema, at: Path, found: set[Path]) -> None:
    found.add(at)
    if not is_atomic(schema, value):
        for step, (part, inner, _) in children(schema, value).items():
            _everything(part, inner, (*at, step), found)


def closed(fields: FieldSet) -> FieldSet:
    """The set with the named fields above every path; without parts nobody owns, such as `metadata`."""
    above = {path[:end] for path in fields for end in range(1, len(path)) if path[end - 1].startswith("f:")}
    return (fields | above) - _UNOWNED


def merged(live: Any, applied: Any, schema: Schema) -> Any:
    """Server-side apply's merge: granular parts merge, atomic ones are replaced; new items go last."""
    if is_atomic(schema, applied) or is_atomic(schema, live) or type(live) is not type(applied):
        return applied
    held, given = children(schema, live), children(schema, applied)
    parts = {step: part for step, (part, _, _) in held.items()}
    for step, (part, inner, _) in given.items():
        parts[step] = merged(held[step][0], part, inner) if step in held else part
    if isinstance(live, list):
        return _in_order(parts, list(held), list(given))
    return {step[2:]: part for step, part in parts.items()}


def _in_order(parts: dict[str, Any], held: list[str], given: list[str]) -> list[Any]:
    # The applied order rules among applied items; other live items keep their place before the next
    # applied one that was live too (structured-merge-diff's interleaving).
    order: list[str] = []
    waiting = iter(held)
    for step in given:
        if step in held and step not in order:
            for other in waiting:
                if other == step:
                    break
                if other not in given:
                    order.append(other)
        order.append(step)
    order += [other for other in held if other not in given and other not in order]
    if not any(step in held for step in given):
        order = [*held, *given]
    return [parts[step] for step in order]


def without(value: Any, schema: Schema, fields: FieldSet) -> Any:
    """The value without the parts at these paths."""
    return _without(value, schema, (), fields, {path[:end] for path in fields for end in range(len(path))})


def _without(value: Any, schema: Schema, at: Path, fields: FieldSet, above: set[Path]) -> Any:
    if at not in above or is_atomic(schema, value):
        return value
    if isinstance(value, list):
        kept = ((item, (*at, item_step(schema, item))) for item in value)
        items = schema.get("items", {})
        return [_without(item, items, path, fields, above) for item, path in kept if path not in fields]
    return {
        step[2:]: _without(part, inner, (*at, step), fields, above)
        for step, (part, inner, _) in children(schema, value).items()
        if (*at, step) not in fields
    }


def to_fields_v1(fields: FieldSet) -> Json:
    """The nested form of `managedFields[].fieldsV1`."""
    root: Json = {}
    for path in sorted(fields):
        node = root
        for step in path:
            node = node.setdefault(step, {})
        node["."] = {}
    return _trimmed(root)


def _trimmed(node: Json) -> Json:
    if set(node) == {"."}:
        return {}
    return {step: _trimmed(inner) if step != "." else {} for step, inner in sorted(node.items())}


def from_fields_v1(node: Json, at: Path = ()) -> FieldSet:
    """The paths of a `fieldsV1` value."""
    found: set[Path] = set()
    for step, inner in node.items():
        if step == ".":
            found.add(at)
        elif not inner:
            found.add((*at, step))
        else:
            found |= from_fields_v1(inner, (*at, step))
    return frozenset(found)


def to_text(path: Path) -> str:
    """A path as conflict messages print it: `.spec.members[name="one"].weight`."""
    return "".join(_step_text(step) for step in path)


def _step_text(step: str) -> str:
    kind, rest = step[0], step[2:]
    if kind == "f":
        return f".{rest}"
    if kind == "v":
        return f"[={rest}]"
    keys = json.loads(rest)
    return f"[{','.join(f'{key}={json.dumps(value)}' for key, value in sorted(keys.items()))}]"


def union(sets: Iterable[FieldSet]) -> FieldSet:
    """All paths of all sets."""
    return EMPTY.union(*sets)
