"""What a structural schema forbids, with the causes and texts of kube-openapi's validator."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from meshsplit.local.apiserver.status import Cause
from meshsplit.local.apiserver.structure import Schema, item_step

INVALID = "FieldValueInvalid"
TYPE_INVALID = "FieldValueTypeInvalid"
REQUIRED = "FieldValueRequired"
UNSUPPORTED = "FieldValueNotSupported"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
DUPLICATE = "FieldValueDuplicate"

_Check = Callable[[Any, Schema, str], Iterator[Cause]]


def validate(value: Any, schema: Schema, at: str = "") -> list[Cause]:
    """Every violation below `at`, in the order of the schema's properties."""
    return list(_validate(value, schema, at))


def _validate(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    if value is None and (schema.get("nullable") or "type" not in schema):
        return
    wrong = _wrong_type(value, schema)
    if wrong:
        shown = _type_of(value)
        yield Cause(
            TYPE_INVALID, f'Invalid value: "{shown}": {at} in body must be of type {wrong}: "{shown}"', at
        )
        return
    for check in _CHECKS:
        yield from check(value, schema, at)
    yield from _combinations(value, schema, at)


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds[type(value)]


def _wrong_type(value: Any, schema: Schema) -> str:
    """The wanted type when the value has another; empty when it fits."""
    found = _type_of(value)
    if schema.get("x-kubernetes-int-or-string"):
        return "" if found in ("integer", "string") else "integer or string"
    wanted = schema.get("type", "")
    if not wanted or found == wanted or (wanted == "number" and found == "integer"):
        return ""
    if wanted == "integer" and isinstance(value, float) and value.is_integer():
        return ""
    return str(wanted)


def _numbers(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value <= low if schema.get("exclusiveMinimum") else value < low):
        equal = "" if schema.get("exclusiveMinimum") else " or equal to"
        yield _must(value, at, f"should be greater than{equal} {low}")
    if high is not None and (value >= high if schema.get("exclusiveMaximum") else value > high):
        equal = "" if schema.get("exclusiveMaximum") else " or equal to"
        yield _must(value, at, f"should be less than{equal} {high}")
    step = schema.get("multipleOf")
    if step and value % step:
        yield _must(value, at, f"should be a multiple of {step}")


def _strings(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    if not isinstance(value, str):
        return
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield Cause(TOO_LONG, f"Too long: may not be more than {schema['maxLength']} bytes", at)
    if "minLength" in schema and len(value) < schema["minLength"]:
        yield _must(value, at, f"should be at least {schema['minLength']} chars long")
    if "pattern" in schema and not _to_regex(schema["pattern"]).search(value):
        yield _must(value, at, f"should match '{schema['pattern']}'")
    if schema.get("format") == "date-time" and not _is_time(value):
        yield _must(value, at, f'must be of type date-time: "{value}"')


@cache
def _to_regex(pattern: str) -> re.Pattern[str]:
    """Go's reading: `$` is the very end, and the classes of characters hold ASCII alone."""
    ends = pattern.endswith("$") and not pattern.endswith("\\$")
    return re.compile(rf"{pattern[:-1]}\Z" if ends else pattern, re.ASCII)


def _is_time(text: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _enums(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(json.dumps(one) for one in schema["enum"])
        yield Cause(UNSUPPORTED, f"Unsupported value: {json.dumps(value)}: supported values: {allowed}", at)


def _lists(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    if not isinstance(value, list):
        return
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield Cause(TOO_MANY, f"Too many: {len(value)}: must have at most {schema['maxItems']} items", at)
    if "minItems" in schema and len(value) < schema["minItems"]:
        yield _must(len(value), at, f"should have at least {schema['minItems']} items")
    wrong: list[Cause] = []
    for index, item in enumerate(value):
        wrong += _validate(item, schema.get("items", {}), f"{at}[{index}]")
    yield from wrong
    if not wrong and schema.get("x-kubernetes-list-type") in ("set", "map"):
        yield from _duplicates(value, schema, at)


def _duplicates(value: list[Any], schema: Schema, at: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, item in enumerate(value):
        step = item_step(schema, item)
        if step in seen:
            yield Cause(DUPLICATE, f"Duplicate value: {step[2:]}", f"{at}[{index}]")
        seen.add(step)


def _maps(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    if not isinstance(value, dict):
        return
    for name in schema.get("required", ()):
        if name not in value:
            yield Cause(REQUIRED, "Required value", f"{at}.{name}" if at else name)
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        most = schema["maxProperties"]
        yield Cause(TOO_MANY, f"Too many: {len(value)}: must have at most {most} items", at)
    if "minProperties" in schema and len(value) < schema["minProperties"]:
        yield _must(len(value), at, f"should have at least {schema['minProperties']} properties")
    properties = schema.get("properties", {})
    for name, inner in properties.items():
        if name in value:
            yield from _validate(value[name], inner, f"{at}.{name}" if at else name)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for name in sorted(value.keys() - properties.keys()):
            yield from _validate(value[name], extra, f"{at}.{name}" if at else name)


def _combinations(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    for part in schema.get("allOf", ()):
        yield from _validate(value, part, at)
    for word, rule in (("anyOf", "at least one schema"), ("oneOf", "one and only one schema")):
        parts = schema.get(word)
        if not parts or (word == "anyOf" and schema.get("x-kubernetes-int-or-string")):
            continue
        fitting = sum(not validate(value, part, at) for part in parts)
        if fitting == 0 or (word == "oneOf" and fitting > 1):
            found = "Found none valid" if fitting == 0 else f"Found {fitting} valid alternatives"
            yield Cause(INVALID, f'Invalid value: "": "{at}" must validate {rule} ({word}). {found}', at)
    if "not" in schema and not validate(value, schema["not"], at):
        yield Cause(INVALID, f'Invalid value: "": "{at}" must not validate the schema (not)', at)


def _must(value: Any, at: str, rule: str) -> Cause:
    return Cause(INVALID, f"Invalid value: {json.dumps(value)}: {at} in body {rule}", at)


_CHECKS: tuple[_Check, ...] = (_numbers, _strings, _enums, _lists, _maps)
