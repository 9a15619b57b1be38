"""Structural schemas of custom resources: unknown fields and nulls go, defaults come."""

from __future__ import annotations

from typing import Any

from meshsplit.local.apiserver.objects import Json, copy_of
from meshsplit.local.apiserver.structure import Schema

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = ("apiVersion", "kind", "metadata")


def prune(found: Json, schema: Schema) -> list[str]:
    """Take unknown fields out of a whole object, in place; their paths, in the order found.

    apiVersion, kind and metadata are not the schema's business.
    """
    unknown: list[str] = []
    body = {key: value for key, value in found.items() if key not in _EMBEDDED}
    _prune(body, schema, "", unknown)
    for key in set(found) - set(body) - set(_EMBEDDED):
        del found[key]
    return unknown


def _prune(value: Any, schema: Schema, at: str, unknown: list[str]) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _prune(item, schema.get("items", {}), f"{at}[{index}]", unknown)
        return
    if not isinstance(value, dict):
        return
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    embedded = _EMBEDDED if schema.get("x-kubernetes-embedded-resource") else ()
    for key in list(value):
        path = f"{at}.{key}" if at else key
        if key in properties:
            _prune(value[key], properties[key], path, unknown)
        elif isinstance(extra, dict):
            _prune(value[key], extra, path, unknown)
        elif not (extra or schema.get(_PRESERVE) or key in embedded):
            unknown.append(path)
            del value[key]


def drop_nulls(value: Any, schema: Schema) -> None:
    """Take nulls out of declared fields that are not nullable, in place."""
    if isinstance(value, list):
        for item in value:
            drop_nulls(item, schema.get("items", {}))
    elif isinstance(value, dict):
        for key, inner in _declared(value, schema).items():
            if value[key] is None and not inner.get("nullable") and not _any_type(inner):
                del value[key]
            else:
                drop_nulls(value[key], inner)


def _any_type(schema: Schema) -> bool:
    return "type" not in schema and not schema.get("x-kubernetes-int-or-string")


def fill_defaults(value: Any, schema: Schema) -> None:
    """Set the defaults of absent fields, in place, down through what is there."""
    if isinstance(value, list):
        for item in value:
            fill_defaults(item, schema.get("items", {}))
    elif isinstance(value, dict):
        for key, inner in schema.get("properties", {}).items():
            if key not in value and "default" in inner:
                value[key] = copy_of(inner["default"])
        for key, inner in _declared(value, schema).items():
            fill_defaults(value[key], inner)


def _declared(value: Json, schema: Schema) -> dict[str, Schema]:
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    found = {key: properties.get(key, extra) for key in value}
    return {key: inner for key, inner in found.items() if isinstance(inner, dict)}
