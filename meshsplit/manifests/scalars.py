"""Plain YAML scalars as Kubernetes reads them: goyaml v2 resolves, and the result travels as JSON."""

import base64
import binascii
import math
import re

Scalar = str | int | float | bool | None

# goyaml v2, resolve.go: the words it looks up. YAML 1.2 knows fewer, PyYAML does not know y and n.
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE = frozenset(
    sign + word
    for sign, words in (
        ("", (".nan", ".NaN", ".NAN")),
        *((s, (".inf", ".Inf", ".INF")) for s in ("", "+", "-")),
    )
    for word in words
)
_NUMERIC_START = frozenset("0123456789+-.")

_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))")
_BASES = {2: 16, 3: 2, 4: 8, 5: 10}  # by group of _INTEGER
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")

_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_EXACT = 2**53  # below, a float is the integer that its digits say
_UINT64_DIGITS = len(str(_UINT64_MAX))

_TAG = "tag:yaml.org,2002:"


def resolve(text: str) -> Scalar:
    """Value of a plain scalar; ValueError for one that JSON cannot hold (.inf, .nan)."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if text in _NOT_FINITE:
        raise ValueError(f"{text} is not a number that JSON can hold")
    number = _fraction(text) if text[0] == "." else _number(text.replace("_", ""))
    return text if number is None else number


def resolve_tagged(tag: str, text: str) -> Scalar:
    """Value of a scalar with an explicit tag; ValueError where goyaml refuses. Unknown tags give strings."""
    kind = tag.removeprefix(_TAG)
    if kind == "binary":
        return _binary(text)
    if kind not in _TAGGED_TYPES:
        return text
    value = resolve(text)
    if kind == "float" and type(value) is int:
        return value
    if type(value) is not _TAGGED_TYPES[kind]:
        raise ValueError(f"{text!r} is not of the type that its tag !!{kind} says")
    return value


_TAGGED_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "null": type(None)}


def whole(value: float) -> int | float:
    """The number as an API server gets it: Go's JSON writes a whole float without a point, an integer."""
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def integer(digits: str) -> int | float:
    """A decimal integer of any length: exact within 64 bits, else the nearest float (inf when too large)."""
    if len(digits.lstrip("-")) <= _UINT64_DIGITS and _INT64_MIN <= (value := int(digits)) <= _UINT64_MAX:
        return value
    return float(digits)


def _number(plain: str) -> int | float | None:
    if (match := _INTEGER.fullmatch(plain)) and (value := _integer(match)) is not None:
        return value
    return _float(plain) if _FLOAT.fullmatch(plain) else None


def _integer(match: re.Match[str]) -> int | None:
    group = match.lastindex or 0
    digits, base = match[group], _BASES[group]
    if base == 10 and len(digits) > _UINT64_DIGITS:
        return None
    value = int(match[1] + digits, base)
    last = _INT64_MAX if match[1] else _UINT64_MAX
    return value if _INT64_MIN <= value <= last else None


def _fraction(text: str) -> int | float | None:
    return _float(text.replace("_", "")) if _FRACTION.fullmatch(text) else None


def _float(text: str) -> int | float | None:
    value = float(text)
    return whole(value) if math.isfinite(value) else None


def _binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except binascii.Error as error:
        raise ValueError(f"a !!binary value is not base64 ({error})") from error
