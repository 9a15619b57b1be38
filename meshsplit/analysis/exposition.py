"""Prometheus' exposition text, the plain format 0.0.4: only the wanted series of it, and strictly."""

import re
from collections.abc import Callable, Iterator

_LINE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*(?:\{(.*)\})?[ \t]*(?<=[ \t}])([^ \t{}]+)(?:[ \t]+-?[0-9]+)?[ \t]*"
)
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|$)')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}
_NAME = re.compile(r"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)")

Series = tuple[str, dict[str, str], float]


class NotExposition(ValueError):  # noqa: N818 - it says what the text is not
    """The text is no exposition text, or was cut off."""


def parse(text: str, is_wanted: Callable[[str], bool]) -> Iterator[Series]:
    """Name, labels and value of the series whose name is wanted; NotExposition where a line is none.

    Lines of other series are only looked at as far as their name: a gateway has very many of them.
    """
    if text and not text.endswith("\n"):
        raise NotExposition("the last line does not end: the answer was cut off")
    known: dict[str, bool] = {}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        named = _NAME.match(line)
        if named is None:
            if line.isspace():
                continue
            raise NotExposition(f"not a series: {line[:80]!r}")
        name = named[1]
        wanted = known.get(name)
        if wanted is None:
            wanted = known[name] = is_wanted(name)
        if wanted:
            yield _parse_line(line.lstrip(" \t"))


def _parse_line(line: str) -> Series:
    found = _LINE.fullmatch(line)
    if found is None:
        raise NotExposition(f"not a series: {line[:80]!r}")
    try:
        value = float(found[3])
    except ValueError:
        raise NotExposition(f"not a number: {line[:80]!r}") from None
    return found[1], _parse_labels(found[2] or ""), value


def _parse_labels(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _LABEL.match(text, at)
        if found is None:
            if text[at:].isspace():
                break
            raise NotExposition(f"not labels: {text[:80]!r}")
        value = found[2]
        labels[found[1]] = _unescape(value) if "\\" in value else value
        at = found.end()
    return labels


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), text)
