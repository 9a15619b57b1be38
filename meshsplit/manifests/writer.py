"""Objects to YAML that Go's YAML, YAML 1.2 parsers and PyYAML all read alike."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import yaml

# A string goes bare only when no reader takes it for anything else: it starts with a letter or a slash, has
# no character with a meaning in YAML, and is none of the words below in any case; or it is a duration.
_SURELY_TEXT = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*|[0-9]+(?:ms|s|m|h)")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})

_DUMPER: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_UNLIMITED = 2**31 - 1  # columns; libyaml takes a C int
_SCALARS = 4096  # scalars that are remembered: keys, kinds, hosts and paths repeat in every object

# Events carry no tags and no anchors, so none can appear in the output, and one event serves many times.
_MAPPING, _MAPPING_END = yaml.MappingStartEvent(None, None, True, flow_style=False), yaml.MappingEndEvent()
_SEQUENCE, _SEQUENCE_END = (
    yaml.SequenceStartEvent(None, None, True, flow_style=False),
    yaml.SequenceEndEvent(),
)


def write_documents(objects: Iterable[Mapping[str, Any]]) -> str:
    """Block-style YAML, keys in the given order, `---` between documents; "" for no objects.

    Values are dict, list, tuple, str, int, finite float, bool and None; ValueError or TypeError for others.
    """
    return yaml.emit(_stream(objects), Dumper=_DUMPER, width=_UNLIMITED, allow_unicode=True) or ""


def _stream(objects: Iterable[Mapping[str, Any]]) -> Iterator[yaml.Event]:
    yield yaml.StreamStartEvent()
    for number, body in enumerate(objects):
        events: list[yaml.Event] = []
        _collect(body, events.append)
        yield yaml.DocumentStartEvent(explicit=number > 0)
        yield from events
        yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _collect(value: Any, add: Callable[[yaml.Event], None]) -> None:
    if isinstance(value, str):
        add(_string(value))
    elif isinstance(value, Mapping):
        add(_MAPPING)
        for key, child in value.items():
            add(_string(key))
            _collect(child, add)
        add(_MAPPING_END)
    elif isinstance(value, list | tuple):
        add(_SEQUENCE)
        for child in value:
            _collect(child, add)
        add(_SEQUENCE_END)
    else:
        add(_scalar(_bare(value), None))


@lru_cache(maxsize=_SCALARS)
def _string(text: str) -> yaml.ScalarEvent:
    bare = _SURELY_TEXT.fullmatch(text) and text.lower() not in _WORDS
    return _scalar(str(text), None if bare else '"')


def _scalar(text: str, style: str | None) -> yaml.ScalarEvent:
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)


def _bare(value: object) -> str:
    """null, booleans and numbers as all readers know them."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(value)
    raise TypeError(f"{type(value).__name__} has no place in a manifest")


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number that JSON can hold")
    mantissa, exponent, power = repr(value).partition("e")
    # YAML 1.1 takes 1e-07 for a string: it wants a point before the exponent.
    return mantissa + (".0" if "." not in mantissa else "") + exponent + power
