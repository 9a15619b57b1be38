"""JSON text, one document or a stream of them, to plain values; and the way from a path to its place."""

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from meshsplit.diagnostics import FieldPath
from meshsplit.manifests.construct import duplicate_key
from meshsplit.manifests.scalars import integer, whole
from meshsplit.manifests.syntax import BROKEN, MAX_DEPTH, Parsed, Problem, too_deep
from meshsplit.manifests.tree import unreadable

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"?'
_TOKEN = re.compile(_STRING + r"|[^\s,\]}]+", re.DOTALL)
_BRACKET_OR_STRING = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
# After a broken document the next one starts in the first column, where no comma or bracket asks for it.
_NEXT_DOCUMENT = re.compile(r"(?<=[^,:\[{\s])\s*\n(?=[{\[])")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# To step over a value without making anything of its numbers.
_SKIP = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)

_MAX_INDENT = 1000  # characters; many documents on one line must not each copy what is before them
_TREES = 2  # texts whose places are remembered: findings of one document come in a row
_BRANCHES = 16


def read_json(text: str, first_line: int) -> Iterator[Parsed]:
    """Every document of a JSON text or stream, each with its own slice; a broken one spares the next."""
    reading = _Reading()
    start = line_start = 0
    line = first_line
    index = _skip_space(text, start)
    while index < len(text):
        value, end, broken = reading.document(text, index)
        line += text.count("\n", start, index)
        line_start = max(line_start, text.rfind("\n", start, index) + 1)
        # Blanks stand for what is before the document on its line, so that columns are those of the file.
        indent = min(index - line_start, _MAX_INDENT)
        piece = " " * indent + text[index:end]
        if broken:
            place = broken.index - index + indent
            yield Parsed(piece, line, None, (Problem(broken.code, broken.message, broken.fix, place),))
        else:
            yield Parsed(piece, line, value, _problems(piece) if reading.suspicious else ())
        start, index = index, _skip_space(text, end)


def find_json(text: str, path: FieldPath) -> tuple[int, str | None]:
    """Start of the value at `path` and its token if it is no collection; a missing path as in `find`."""
    index = anchor = _skip_space(text, 0)
    for step in path:
        place = _places(text, index).get(step)
        if place is None:
            return anchor, None
        key, index = place
        anchor = key
    token = None if text[index] in "{[" else _TOKEN.match(text, index)
    return index, token[0] if token else None


@lru_cache(maxsize=_TREES)
def is_json(text: str) -> bool:
    """Whether the text is one JSON document."""
    try:
        return _skip_space(text, _SKIP.raw_decode(text, _skip_space(text, 0))[1]) == len(text)
    except (json.JSONDecodeError, RecursionError):
        return False


class _Reading:
    """A decoder that notes what needs a second, slower look for its place."""

    def __init__(self) -> None:
        self.suspicious = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=lambda digits: self._finite(float(digits)),
            parse_constant=lambda name: self._finite(float(name)),
        )

    def document(self, text: str, index: int) -> tuple[Any, int, Problem | None]:
        """Value and end of the document at `index`; for a broken one where the next may begin, and why."""
        self.suspicious = False
        try:
            value, end = self._decoder.raw_decode(text, index)
        except json.JSONDecodeError as error:
            return None, _next_document(text, max(error.pos, index + 1)), _broken(error)
        except RecursionError:
            deepest, end = _nesting(text, index)
            return None, end, too_deep(deepest)
        if _is_too_deep(value):
            return None, end, too_deep(_nesting(text, index)[0])
        if (surrogate := _LONE_SURROGATE.search(text, index, end)) is not None:
            return None, end, unreadable(surrogate)
        if _SURROGATE_ESCAPE.search(text, index, end):
            value = _without_lone_surrogates(value)
        return value, end, None

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        self.suspicious |= len(result) != len(pairs)
        return result

    def _integer(self, digits: str) -> float | None:
        number = integer(digits)
        return self._finite(number) if isinstance(number, float) else number

    def _finite(self, number: float) -> float | None:
        if math.isfinite(number):
            return whole(number)
        self.suspicious = True
        return None


def _broken(error: json.JSONDecodeError) -> Problem:
    what = error.msg[0].lower() + error.msg[1:].removesuffix(" at").removesuffix(" starting")
    message = f"not valid JSON: {what}"
    return Problem(
        BROKEN, message, "check commas, quotes and brackets here and on the line before", error.pos
    )


def _next_document(text: str, index: int) -> int:
    while text[index - 1].isspace():
        index -= 1
    match = _NEXT_DOCUMENT.search(text, index)
    return match.end() if match else len(text)


def _skip_space(text: str, index: int) -> int:
    match = _SPACE.match(text, index)
    return match.end() if match else index


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _nesting(text: str, index: int) -> tuple[int, int]:
    """Where the document at `index` exceeds the allowed depth, and where its brackets close."""
    depth, deepest = 0, index
    for match in _BRACKET_OR_STRING.finditer(text, index):
        if match[0] in {"{", "["}:
            depth += 1
            if depth == MAX_DEPTH + 1 and deepest == index:
                deepest = match.start()
        elif match[0] in {"}", "]"}:
            depth -= 1
            if depth == 0:
                return deepest, match.end()
    return deepest, len(text)


def _without_lone_surrogates(value: Any) -> Any:
    """Go's JSON replaces half a surrogate pair, which no UTF-8 can hold, by U+FFFD; so does this."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(child) for child in value]
    if isinstance(value, dict):
        return {
            _without_lone_surrogates(key): _without_lone_surrogates(child) for key, child in value.items()
        }
    return value


def _entries(text: str, index: int) -> Iterator[tuple[str | int, int, int]]:
    """Key, start of the key and start of the value of everything directly in the collection at `index`."""
    is_object = text[index] == "{"
    index = _skip_space(text, index + 1)
    position = 0
    while text[index] not in "}]":
        key: str | int = position
        start = index
        if is_object:
            key, index = _SKIP.raw_decode(text, index)
            index = _skip_space(text, _skip_space(text, index) + 1)
        yield key, start, index
        index = _skip_space(text, _SKIP.raw_decode(text, index)[1])
        index = _skip_space(text, index + 1) if text[index] == "," else index
        position += 1


@lru_cache(maxsize=_BRANCHES)
def _places(text: str, index: int) -> dict[str | int, tuple[int, int]]:
    if text[index] not in "{[":
        return {}
    return {key: (start, value) for key, start, value in _entries(text, index)}


def _problems(text: str) -> tuple[Problem, ...]:
    """Keys written twice and numbers beyond a float in one document, in order of place."""
    found: list[Problem] = []
    pending: list[tuple[FieldPath, int]] = [((), _skip_space(text, 0))]
    while pending:
        path, index = pending.pop()
        if text[index] not in "{[":
            found.extend(_not_finite(text, index, path))
            continue
        seen: set[str | int] = set()
        for key, start, value in _entries(text, index):
            if key in seen:
                found.append(duplicate_key(str(key), start, path))
            seen.add(key)
            pending.append(((*path, key), value))
    return tuple(sorted(found, key=lambda problem: problem.index))


def _not_finite(text: str, index: int, path: FieldPath) -> Iterator[Problem]:
    token = _TOKEN.match(text, index)
    if token and token[0][0] in "-0123456789NI" and not math.isfinite(float(token[0])):
        message = f"{token[0]} is not a number that JSON can hold"
        yield Problem(BROKEN, message, f'quote it: "{token[0]}"', index, path)
