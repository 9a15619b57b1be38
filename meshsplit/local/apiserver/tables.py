"""meta.k8s.io Tables and PartialObjectMetadata: what kubectl asks for instead of objects."""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.resources import Column, Resource

# ObjectMeta.name's documentation, which the server sends along.
_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources "
    "may allow a client to request the generation of an appropriate name automatically. Name is primarily "
    "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_STEP = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\]\\])+)
      | \[\?\(@\.(?P<field>[\w.]+)\s*==\s*["'](?P<value>[^"']*)["']\)\]
      | \[(?P<index>-?\d+|\*)\]
      | \[["'](?P<quoted>[^"']+)["']\]""",
    re.VERBOSE,
)
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def to_table(items: Sequence[Json], resource: Resource, now: datetime.datetime, include: str) -> Json:
    """A Table of objects; `include` is None, Metadata or Object."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": _definitions(resource),
        "rows": [_row(item, resource, now, include) for item in items],
    }


def to_partial(item: Json) -> Json:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _definitions(resource: Resource) -> list[Json]:
    name = {"name": "Name", "type": "string", "format": "name", "description": _NAME, "priority": 0}
    return [name, *(_definition(column) for column in resource.columns)]


def _definition(column: Column) -> Json:
    path = f"Custom resource definition column (in JSONPath format): {column.path}"
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description or path,
        "priority": column.priority,
    }


def _row(item: Json, resource: Resource, now: datetime.datetime, include: str) -> Json:
    cells = [item["metadata"]["name"], *(_cell(item, column, now) for column in resource.columns)]
    row: Json = {"cells": cells}
    if include == "Object":
        row["object"] = item
    elif include != "None":
        row["object"] = to_partial(item)
    return row


def _cell(item: Json, column: Column, now: datetime.datetime) -> Any:
    found = read_path(item, column.path)
    if not found or found[0] is None:
        return None
    value = found[0]
    if column.type == "date":
        return age(str(value), now)
    if column.type in ("integer", "number", "boolean"):
        return value
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def read_path(value: Any, path: str) -> list[Any]:
    """The values at a JSONPath of names, indexes, `[*]` and `[?(@.a=="b")]`; none for other syntax."""
    found = [value]
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return []
        found = [part for one in found for part in _parts(one, step)]
        at = step.end()
    return found


def _parts(value: Any, step: re.Match[str]) -> list[Any]:
    name = step["quoted"] or (step["name"] or "").replace("\\.", ".")
    if name:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return []
    if step["field"]:
        return [item for item in value if read_path(item, f".{step['field']}") == [step["value"]]]
    if step["index"] == "*":
        return value
    index = int(step["index"])
    return [value[index]] if -len(value) <= index < len(value) else []


def age(timestamp: str, now: datetime.datetime) -> str:
    """How long ago, in the words of kubectl (apimachinery duration.HumanDuration)."""
    try:
        then = datetime.datetime.fromisoformat(timestamp)
    except ValueError:
        return "<invalid>"
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    for unit, letter, smaller, small_letter, fine, coarse in (
        (_MINUTE, "m", 1, "s", 10 * _MINUTE, 3 * _HOUR),
        (_HOUR, "h", _MINUTE, "m", 8 * _HOUR, 48 * _HOUR),
        (_DAY, "d", _HOUR, "h", 8 * _DAY, 2 * _YEAR),
        (_YEAR, "y", _DAY, "d", 8 * _YEAR, None),
    ):
        if coarse is None or seconds < coarse:
            rest = seconds % unit // smaller
            exact = f"{rest}{small_letter}" if seconds < fine and rest else ""
            return f"{seconds // unit}{letter}{exact}"
    raise AssertionError("the last unit has no end")
