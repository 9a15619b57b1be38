"""Merge patch (RFC 7386), JSON patch (RFC 6902) and the strategic merge patch of built-in kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver.objects import Json, copy_of
from meshsplit.local.apiserver.status import BAD_JSON_PATCH, Refused, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

# Lists that strategic merge patches merge, by field name (patchMergeKey of the Go types); the first
# key that an item has counts: the ports of a Service are not those of a container.
MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "matchConditions": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),
    "topologySpreadConstraints": ("topologyKey",),
    "variables": ("name",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_MERGED_SCALARS = ("finalizers",)
_ORDER = "$setElementOrder/"
_DROP = "$deleteFromPrimitiveList/"


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: objects merge, null removes, anything else replaces. The target is left alone."""
    if not isinstance(patch, dict):
        return copy_of(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Json, operations: Any) -> Json:
    """RFC 6902; Refused: 400 when it is not a patch, 422 when it cannot be applied to this object."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise bad_request("json: cannot unmarshal the body into a list of JSON patch operations")
    root: dict[str, Any] = {"": copy_of(target)}
    for operation in operations:
        try:
            _run(root, operation)
        except (KeyError, IndexError, ValueError, TypeError) as reason:
            raise Refused(422, "Invalid", BAD_JSON_PATCH, {}) from reason
    if not isinstance(root[""], dict):
        raise Refused(422, "Invalid", BAD_JSON_PATCH, {})
    return root[""]


def _run(root: dict[str, Any], operation: Json) -> None:
    verb, path = operation["op"], _pointer(operation["path"])
    if verb == "test":
        if _read(root, path) != operation.get("value"):
            raise ValueError(path)
    elif verb == "add":
        _add(root, path, copy_of(operation["value"]))
    elif verb == "remove":
        _remove(root, path)
    elif verb == "replace":
        _read(root, path)
        _remove(root, path)
        _add(root, path, copy_of(operation["value"]))
    elif verb in ("copy", "move"):
        source = _pointer(operation["from"])
        value = copy_of(_read(root, source))
        if verb == "move":
            _remove(root, source)
        _add(root, path, value)
    else:
        raise ValueError(verb)


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(text)
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")]


def _read(value: Any, path: list[str]) -> Any:
    for part in path:
        value = value[_index(part)] if isinstance(value, list) else value[part]
    return value


def _index(part: str) -> int:
    if not part.isdecimal():
        raise ValueError(part)
    return int(part)


def _add(root: Any, path: list[str], value: Any) -> None:
    parent = _read(root, path[:-1])
    if not isinstance(parent, list):
        parent[path[-1]] = value
        return
    at = len(parent) if path[-1] == "-" else _index(path[-1])
    if at > len(parent):
        raise IndexError(at)
    parent.insert(at, value)


def _remove(root: Any, path: list[str]) -> None:
    parent = _read(root, path[:-1])
    del parent[_index(path[-1]) if isinstance(parent, list) else path[-1]]


def strategic_merge_patch(target: Any, patch: Json) -> Json:
    """A merge patch whose lists merge by key where the Go types say so; `$patch: replace | delete` obeyed."""
    if patch.get("$patch") == "replace":
        return {key: copy_of(value) for key, value in patch.items() if key != "$patch"}
    merged = dict(target) if isinstance(target, dict) else {}
    for key in patch.get("$retainKeys", ()) and set(merged) - set(patch["$retainKeys"]):
        del merged[key]
    for key, value in patch.items():
        if key.startswith(_DROP):
            field = key.removeprefix(_DROP)
            merged[field] = [item for item in merged.get(field, []) if item not in value]
        elif not key.startswith("$"):
            _merge_field(merged, key, value)
    for key, order in patch.items():
        if key.startswith(_ORDER):
            _reorder(merged, key.removeprefix(_ORDER), order)
    return merged


def _merge_field(merged: Json, key: str, value: Any) -> None:
    if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
        merged.pop(key, None)
    elif isinstance(value, dict):
        merged[key] = strategic_merge_patch(merged.get(key), value)
    elif isinstance(value, list) and key in MERGE_KEYS:
        held = merged.get(key) or []
        merged[key] = _merge_list(held, value, _merge_key(key, [*held, *value]))
    elif isinstance(value, list) and key in _MERGED_SCALARS:
        held = merged.get(key) or []
        merged[key] = [*held, *(item for item in value if item not in held)]
    else:
        merged[key] = copy_of(value)


def _merge_key(field: str, items: list[Any]) -> str:
    keys = MERGE_KEYS[field]
    found = (key for key in keys if any(isinstance(item, dict) and key in item for item in items))
    return next(found, keys[-1])


def _merge_list(held: list[Json], patch: list[Json], key: str) -> list[Json]:
    if not all(isinstance(item, dict) for item in [*held, *patch]):
        raise bad_request(f"a list that merges by {key} has an item that is no object")
    if any(item.get("$patch") == "replace" for item in patch):
        return [copy_of(item) for item in patch if "$patch" not in item]
    merged = {item.get(key): item for item in held}
    for item in patch:
        if item.get("$patch") == "delete":
            merged.pop(item.get(key), None)
        else:
            merged[item.get(key)] = strategic_merge_patch(merged.get(item.get(key)), item)
    return list(merged.values())


def _reorder(merged: Json, field: str, order: list[Any]) -> None:
    key = _merge_key(field, order) if field in MERGE_KEYS else None
    wanted = [item.get(key) if isinstance(item, dict) and key else item for item in order]
    items = merged.get(field) or []

    def place(item: Any) -> int:
        name = item.get(key) if isinstance(item, dict) and key else item
        return wanted.index(name) if name in wanted else len(wanted)

    if items:
        merged[field] = sorted(items, key=place)
