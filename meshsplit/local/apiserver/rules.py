"""CEL rules of custom resources (`x-kubernetes-validations`), evaluated by a CEL engine.

Not covered: cost limits, optional syntax (`self.?x`), and the `quantity`, `url`, `ip` and `semver` libraries;
a rule that uses them does not compile and the CRD is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import cel

from meshsplit.local.apiserver.status import Cause
from meshsplit.local.apiserver.structure import Schema, item_step
from meshsplit.local.apiserver.validation import (
    INVALID,
    REQUIRED,
    TOO_LONG,
    TOO_MANY,
    TYPE_INVALID,
    UNSUPPORTED,
)

_RULES = "x-kubernetes-validations"
# apiextensions-apiserver validation.go, hasBlockingErr: after these no rule is evaluated.
_BLOCKING = frozenset({UNSUPPORTED, REQUIRED, TOO_LONG, TOO_MANY, TYPE_INVALID})
NOT_CHECKED = Cause(
    INVALID,
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the "
    "existing errors to complete validation",
    "<nil>",
)
# Kubernetes' list and string libraries beyond the CEL standard.
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sum": sum,
    "min": lambda values: min(values),
    "max": lambda values: max(values),
    "isSorted": lambda values: list(values) == sorted(values),
    "indexOf": lambda values, item: values.find(item) if isinstance(values, str) else _index(values, item),
    "format": lambda template, values: template % tuple(values),
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "split": lambda text, separator: text.split(separator),
    "join": lambda values, separator="": separator.join(values),
    "replace": lambda text, old, new: text.replace(old, new),
    "substring": lambda text, start, end=None: text[start:end],
}


def _index(values: list[Any], item: Any) -> int:
    return values.index(item) if item in values else -1


def blocked(causes: list[Cause]) -> bool:
    """Whether schema errors keep the rules from being evaluated."""
    return any(cause.reason in _BLOCKING for cause in causes)


def has_rules(schema: Schema) -> bool:
    """Whether any rule stands anywhere in the schema."""
    return any(True for _ in expressions(schema))


def expressions(schema: Schema) -> Iterator[str]:
    """Every rule and message expression of the schema."""
    for rule in schema.get(_RULES, ()):
        yield rule["rule"]
        if "messageExpression" in rule:
            yield rule["messageExpression"]
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for part in inner:
        if isinstance(part, Mapping):
            yield from expressions(part)


def uncompilable(schema: Schema) -> list[str]:
    """What the engine says of rules it cannot compile."""
    found: list[str] = []
    for text in dict.fromkeys(expressions(schema)):
        try:
            _compiled(text)
        except ValueError as wrong:
            found.append(f"{text!r}: {wrong}")
    return found


@cache
def _compiled(text: str) -> Any:
    return cel.compile(text)


def broken_rules(value: Any, old: Any, schema: Schema) -> list[Cause]:
    """The rules a valid value breaks; rules that name oldSelf are asked only where there was a value."""
    return list(_broken(value, old, schema, ""))


def _broken(value: Any, old: Any, schema: Schema, at: str) -> Iterator[Cause]:
    for rule in schema.get(_RULES, ()):
        if old is not None or "oldSelf" not in rule["rule"]:
            yield from _ask(rule, value, old, at)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, part in value.items():
            inner = properties.get(name, schema.get("additionalProperties"))
            if isinstance(inner, Mapping):
                before = old.get(name) if isinstance(old, dict) else None
                yield from _broken(part, before, inner, f"{at}.{name}" if at else name)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        yield from _broken_items(value, old, schema, at)


def _broken_items(value: list[Any], old: Any, schema: Schema, at: str) -> Iterator[Cause]:
    by_key: dict[str, Any] = {}
    if schema.get("x-kubernetes-list-type") == "map" and isinstance(old, list):
        by_key = {item_step(schema, item): item for item in old}
    for index, item in enumerate(value):
        before = by_key.get(item_step(schema, item)) if by_key else None
        yield from _broken(item, before, schema["items"], f"{at}[{index}]")


def _ask(rule: Mapping[str, Any], value: Any, old: Any, at: str) -> Iterator[Cause]:
    field = at + rule.get("fieldPath", "")
    context = cel.Context({"self": value, "oldSelf": old}, dict(_FUNCTIONS))
    try:
        holds = _compiled(rule["rule"]).execute(context)
    except (ValueError, KeyError, TypeError, RuntimeError, IndexError) as wrong:
        yield Cause(INVALID, f"Invalid value: {_kind(value)}: {wrong} evaluating rule: {rule['rule']}", field)
        return
    if holds is not True:
        yield Cause(rule.get("reason", INVALID), f"Invalid value: {_message(rule, context)}", field)


def _kind(value: Any) -> str:
    return '"object"' if isinstance(value, dict) else '"array"' if isinstance(value, list) else repr(value)


def _message(rule: Mapping[str, Any], context: Any) -> str:
    if "messageExpression" in rule:
        try:
            return str(_compiled(rule["messageExpression"]).execute(context))
        except (ValueError, KeyError, TypeError, RuntimeError, IndexError):
            pass  # the real server too falls back to the fixed message
    return str(rule.get("message") or f"failed rule: {rule['rule']}")
