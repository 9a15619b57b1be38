"""A pydantic model as a structural schema: the OpenAPI v3 that a CustomResourceDefinition may hold.

Structural means no references, no unions and one type for every value; the API server prunes, fills in
defaults and tracks ownership by it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
RULES = "x-kubernetes-validations"
INT_OR_STRING = "x-kubernetes-int-or-string"

_MAX_INT32 = 2**31 - 1
_KEPT = frozenset(
    {"type", "description", "enum", "pattern", "allOf", "format", "required", "minimum", "maximum"}
    | {f"{bound}{what}" for bound in ("min", "max") for what in ("Length", "Items", "Properties")}
)
"""Keywords that mean the same in both."""
_DROPPED = frozenset({"title", "$defs", "propertyNames"})
"""A CRD has no word for the keys of a map."""


def to_structural(model: type[BaseModel], *, defaults: bool = True) -> Schema:
    """The schema of a model, as its documents are written (camelCase); ValueError for what has no such form.

    Absent and null are one: nothing is nullable. Only scalars keep their default, and none does without
    `defaults`, as in a status, where an absent value is not yet known.
    """
    schema = model.model_json_schema(by_alias=True)
    return _convert(schema, schema.get("$defs", {}), defaults)


def keyed_by(key: str) -> Schema:
    """For `json_schema_extra` of a list of objects: it is a map by `key`, in which no key comes twice."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def _convert(found: Mapping[str, Any], models: Mapping[str, Any], defaults: bool) -> Schema:
    schema = _plain(found, models)
    result: Schema = {}
    for keyword, value in schema.items():
        if keyword in _KEPT or keyword.startswith("x-kubernetes-"):
            result[keyword] = value
        elif keyword == "const":
            result["enum"] = [value]
        elif keyword == "items":
            result["items"] = _convert(value, models, defaults)
        elif keyword == "properties":
            result["properties"] = {name: _convert(inner, models, defaults) for name, inner in value.items()}
        elif keyword in ("additionalProperties", "patternProperties"):
            result |= _of_map(keyword, value, models, defaults)
        elif keyword == "default":
            result |= {"default": value} if defaults and isinstance(value, str | int) else {}
        elif keyword not in _DROPPED:
            raise ValueError(f"{keyword}: {value} has no structural form")
    return _finished(result)


def _plain(schema: Mapping[str, Any], models: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with its reference followed and `null` taken out of its union."""
    if "$ref" in schema:
        beside = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        return _plain({**models[schema["$ref"].rsplit("/", 1)[-1]], **beside}, models)
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option.get("type") != "null"]
        if len(options) != 1:
            raise ValueError(f"a union of {len(options)} types has no structural form")
        beside = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
        return _plain({**options[0], **beside}, models)
    return schema


def _of_map(keyword: str, value: Any, models: Mapping[str, Any], defaults: bool) -> Schema:
    """What a map holds; a pattern for its keys cannot be said, and unknown fields are pruned as it is."""
    if value is True:
        return {PRESERVE: True}
    if value is False:
        return {}
    inner = next(iter(value.values())) if keyword == "patternProperties" else value
    return {"additionalProperties": _convert(inner, models, defaults)}


def _finished(schema: Schema) -> Schema:
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if schema.get("type") == "integer":
        schema["format"] = "int32" if schema.get("maximum", _MAX_INT32 + 1) <= _MAX_INT32 else "int64"
    return schema
