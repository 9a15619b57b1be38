"""How values of one schema are walked: which maps and lists are atomic, and how list items are named.

The rules are those of structured-merge-diff: without a schema maps are granular and lists atomic.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from meshsplit.local.apiserver.objects import Json

Schema = Mapping[str, Any]
# One step of a path as FieldsV1 writes it: `f:name`, `k:{"key":"value"}` (map lists), `v:"value"` (sets).
Step = str
Path = tuple[Step, ...]

OPEN: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_STRINGS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
# ObjectMeta's granular parts (apimachinery meta/v1 types.go: listType, listMapKey, patchMergeKey).
METADATA: Schema = {
    "type": "object",
    "properties": {
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "ownerReferences": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "items": {"type": "object", "x-kubernetes-map-type": "atomic", **OPEN},
        },
        **{
            name: {"type": "string"}
            for name in ("name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp")
        },
    },
    **OPEN,
}


def with_metadata(schema: Schema) -> Schema:
    """The schema of a whole object: its own fields and those every object has."""
    properties = {
        **schema.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": METADATA,
    }
    return {**schema, "properties": properties}


def is_atomic(schema: Schema, value: Any) -> bool:
    """Whether the value is owned as one: scalars, atomic lists (the default for lists) and atomic maps."""
    if isinstance(value, dict):
        return str(schema.get("x-kubernetes-map-type", "granular")) == "atomic"
    if isinstance(value, list):
        return str(schema.get("x-kubernetes-list-type", "atomic")) == "atomic"
    return True


def field_schema(schema: Schema, name: str) -> tuple[Schema, bool]:
    """The schema of a map's field, and whether the schema declares that field by name."""
    declared = schema.get("properties", {}).get(name)
    if declared is not None:
        return declared, True
    extra = schema.get("additionalProperties")
    return (extra if isinstance(extra, Mapping) else OPEN), False


def children(schema: Schema, value: Any) -> dict[Step, tuple[Any, Schema, bool]]:
    """A granular value's parts by step: part, its schema, and whether it is a declared field of a map.

    Of list items with the same key the last one counts.
    """
    parts: dict[Step, tuple[Any, Schema, bool]] = {}
    if isinstance(value, dict):
        for name, part in value.items():
            parts[f"f:{name}"] = (part, *field_schema(schema, name))
    elif isinstance(value, list):
        items = schema.get("items", OPEN)
        for part in value:
            parts[item_step(schema, part)] = (part, items, False)
    return parts


def item_step(schema: Schema, item: Any) -> Step:
    """The step of an item of a set or map list; keys left out take their default."""
    if schema.get("x-kubernetes-list-type") == "set":
        return f"v:{_compact(item)}"
    properties = schema.get("items", {}).get("properties", {})
    keys: Json = {}
    for key in sorted(schema.get("x-kubernetes-list-map-keys", ())):
        given = item.get(key) if isinstance(item, dict) else None
        keys[key] = properties.get(key, {}).get("default") if given is None else given
    return f"k:{_compact(keys)}"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
