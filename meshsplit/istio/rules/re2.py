"""Whether a regex is RE2, decided without a library: syntax by https://github.com/google/re2/wiki/Syntax."""

import re
from dataclasses import dataclass, field

MAX_REPEAT = 1000
"""RE2's limit for the product of nested counts (re2/parse.cc, maximum_repeat_count)."""

_BY_NUMBER = r"[0-7]{2,3} | x[0-9A-Fa-f]{2} | x\{0*(?:10|[0-9A-Fa-f])?[0-9A-Fa-f]{1,4}\}"
_UNICODE_CLASS = r"[pP](?: [A-Z] | \{\^?\w+\} )"
_PUNCTUATION = r"[^0-9A-Za-z\x80-\U0010FFFF]"
_POSIX = "alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit"

_TOKEN = re.compile(
    rf"""
    (?P<nothing> \\Q\\E )
  | (?P<quoted> \\Q .*? (?: \\E | \Z ) )
  | (?P<escape> \\ (?: [AabBCdDfnrsStvwWz0] | {_BY_NUMBER} | {_UNICODE_CLASS} | {_PUNCTUATION} ) )
  | (?P<set> \[ \^?+ \]?+ (?: \[:\^?[a-z]+:\] | \\. | [^\]\\] )*? \] )
  | (?P<open> \( (?: \?P?<(?P<name>[A-Za-z_]\w*)> | \?[imsU]*(?:-[imsU]+)?: | (?!\?) ) )
  | (?P<flags> \( \? [imsU]*(?:-[imsU]+)? \) )
  | (?P<close> \) )
  | (?P<repeat> [*+?]\?? | \{{ (?P<least>\d+) (?P<comma>,(?P<most>\d*))? \}} \?? )
  | (?P<alternative> \| )
  | (?P<literal> [^\\\[()*+?|] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_SET_ITEM = re.compile(
    rf"""
    (?P<posix> \[:\^?(?:{_POSIX}):\] )
  | (?P<group> \\ (?: [dDsSwW] | {_UNICODE_CLASS} ) )
  | (?P<escape> \\ (?: [afnrtv0] | {_BY_NUMBER} | {_PUNCTUATION} ) )
  | (?P<literal> (?!\[:\^?\w*:\]) [^\\] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(slots=True)
class _Level:
    """One level of brackets while it is read: can its last item be repeated, and how often is one already."""

    repeatable: bool = False
    repeated: bool = False
    item: int = 1
    heaviest: int = 1


@dataclass(slots=True)
class _Reader:
    """What has been read of a regex so far."""

    levels: list[_Level] = field(default_factory=lambda: [_Level()])


def why_not_re2(regex: str) -> str | None:
    """Say why RE2 would refuse `regex`, None when it would not; Unicode classes go by form only."""
    reader, place = _Reader(), 0
    while place < len(regex):
        token = _TOKEN.match(regex, place)
        problem = f"{regex[place:]!r:.20} is not RE2" if token is None else _read(reader, token)
        if problem is not None or token is None:
            return problem
        place = token.end()
    return "missing closing )" if len(reader.levels) > 1 else None


def _read(reader: _Reader, token: re.Match[str]) -> str | None:
    level = reader.levels[-1]
    match token.lastgroup:
        case "open" | "name":
            reader.levels.append(_Level())
            return None
        case "close":
            return _close(reader)
        case "repeat" | "least" | "comma" | "most":
            return _repeat(level, token)
        case "alternative":
            level.repeatable = False
            return None
        case "flags" | "nothing":
            level.repeated = False
            return None
        case "set":
            _add_item(level, 1)
            return _why_not_a_set(token[0])
        case _:
            _add_item(level, 1)
            return None


def _add_item(level: _Level, weight: int) -> None:
    level.repeatable, level.repeated, level.item = True, False, weight
    level.heaviest = max(level.heaviest, weight)


def _close(reader: _Reader) -> str | None:
    if len(reader.levels) == 1:
        return "unexpected )"
    inner = reader.levels.pop()
    _add_item(reader.levels[-1], inner.heaviest)
    return None


def _repeat(level: _Level, token: re.Match[str]) -> str | None:
    if not level.repeatable:
        return f"nothing to repeat before {token[0]!r}"
    if level.repeated:
        return f"{token[0]!r} repeats a repetition"
    level.repeated = True
    if token["least"] is None:
        return None
    least, most = int(token["least"]), int(token["most"] or token["least"])
    if most < least or most * level.item > MAX_REPEAT:
        return f"bad repetition count {token[0]!r}"
    level.item *= max(most, 1)
    level.heaviest = max(level.heaviest, level.item)
    return None


def _why_not_a_set(text: str) -> str | None:
    body = text[2:-1] if text.startswith("[^") else text[1:-1]
    items = []
    place = 0
    while place < len(body):
        item = _SET_ITEM.match(body, place)
        if item is None:
            return f"{body[place:]!r:.20} is not RE2 inside []"
        items.append(item)
        place = item.end()
    return _why_not_ranges(items)


def _why_not_ranges(items: list[re.Match[str]]) -> str | None:
    """A `-` makes a range of its neighbours unless it is first or last."""
    place = 0
    while place < len(items):
        low = _code(items[place])
        if low is None or place + 2 >= len(items) or items[place + 1][0] != "-":
            place += 1
            continue
        high = _code(items[place + 2])
        if high is None or low > high:
            return f"bad range {items[place][0]}-{items[place + 2][0]}"
        place += 3
    return None


def _code(item: re.Match[str]) -> int | None:
    """Code point of a literal or escape in a set; None for a whole class."""
    text = item[0]
    if item.lastgroup == "literal":
        return ord(text)
    if item.lastgroup != "escape":
        return None
    if text[1] == "x":
        return int(text[2:].strip("{}"), 16)
    if text[1].isdigit():
        return int(text[1:], 8)
    return ord({"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}.get(text[1], text[1]))
