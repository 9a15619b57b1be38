"""Label and field selectors, with the grammar and the error texts of apimachinery's labels and fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.status import bad_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.local.apiserver.objects import Json

    Matches = Callable[[Json], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|<|>|[^\s=!(),<>]+)")
# A label value: apimachinery/pkg/util/validation.labelValueFmt, at most 63 characters.
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_SYMBOLS = frozenset({"=", "==", "!=", "!", "(", ")", ",", "<", ">"})
_EQUALITY = ("=", "==", "!=")
_SETS = ("in", "notin")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One part of a label selector; `values` None asks for the label's presence."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether labels meet it; an absent label meets every negation."""
        if self.key not in labels:
            return self.negated
        return self.negated != (self.values is None or labels[self.key] in self.values)


class _Reader:
    """The tokens of one selector."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token


def to_label_selector(text: str) -> Matches:
    """The predicate of a `labelSelector`; Refused (400) when it cannot be parsed."""
    reader = _Reader(text)
    requirements: list[Requirement] = []
    while reader.peek():
        requirements.append(_requirement(reader))
        end = reader.take()
        if end not in ("", ","):
            raise bad_request(f"found '{end}', expected: ',' or 'end of string'")
        if end == "," and not reader.peek():
            raise bad_request("found '', expected: identifier after ','")
    return lambda found: all(need.matches(found["metadata"].get("labels") or {}) for need in requirements)


def _requirement(reader: _Reader) -> Requirement:
    absent = reader.peek() == "!"
    if absent:
        reader.take()
    key = reader.take()
    if not key or key in _SYMBOLS:
        raise bad_request(f"unable to parse requirement: found '{key}', expected: identifier")
    operator = reader.peek()
    if absent or operator in ("", ","):
        return Requirement(key, None, absent)
    reader.take()
    if operator in _EQUALITY:
        value = "" if reader.peek() in ("", ",") else reader.take()
        return Requirement(key, frozenset({_checked(value)}), operator == "!=")
    if operator in _SETS:
        return Requirement(key, _value_set(reader), operator == "notin")
    raise bad_request(
        f"unable to parse requirement: found '{operator}', expected: in, notin, =, ==, !=, gt, lt"
    )


def _value_set(reader: _Reader) -> frozenset[str]:
    opening = reader.take()
    if opening != "(":
        raise bad_request(f"unable to parse requirement: found '{opening}' expected: '('")
    values: set[str] = set()
    while True:
        part = reader.take()
        if part == ")":
            return frozenset(values or {""})
        if part == "":
            raise bad_request("unable to parse requirement: found '', expected: ',' or ')'")
        if part != ",":
            values.add(_checked(part))


def _checked(value: str) -> str:
    if value in _SYMBOLS:
        raise bad_request(f"unable to parse requirement: found '{value}', expected: identifier")
    if not _VALUE.fullmatch(value):
        raise bad_request(
            f'unable to parse requirement: values[0]: Invalid value: "{value}": a valid label must be '
            "an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
            "with an alphanumeric character"
        )
    return value


def to_field_selector(text: str, supported: tuple[str, ...]) -> Matches:
    """The predicate of a `fieldSelector` over dotted paths; Refused (400) for a path not in `supported`."""
    terms: list[tuple[list[str], str, bool]] = []
    for term in filter(None, text.split(",")):
        path, operator, value = _field_term(term)
        if path not in supported:
            raise bad_request(f"field label not supported: {path}")
        terms.append((path.split("."), value, operator == "!="))
    return lambda found: all((_field(found, path) == value) != no for path, value, no in terms)


def _field_term(term: str) -> tuple[str, str, str]:
    for operator in ("!=", "==", "="):
        path, separator, value = term.partition(operator)
        if separator:
            return path.strip(), operator, value.strip()
    raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")


def _field(found: object, path: list[str]) -> str:
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return "true" if found else "false"
    return "" if found is None else str(found)
