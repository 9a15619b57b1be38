"""A file's text before any parsing: its YAML documents, and the comments that silence findings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SEPARATOR = re.compile(r"^---([^\n]*)", re.MULTILINE)
_COMMENT = re.compile(r"#[ \t]*meshsplit:[ \t]*ignore\[([^\]\n]*)\]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text between two separator lines and the line it begins at (from 1).

    `trailing` is what follows the dashes on the separator line before it, which kubectl refuses unless it is
    a comment.
    """

    text: str
    first_line: int
    trailing: str = ""


def split_documents(text: str) -> Iterator[Chunk]:
    """Chunks as Kubernetes' YAML reader cuts them: at every line that starts with three dashes."""
    start, line, trailing = 0, 1, ""
    for match in _SEPARATOR.finditer(text):
        yield Chunk(text[start : match.start()], line, trailing)
        line += text.count("\n", start, match.end()) + 1
        trailing = "" if match[1].strip()[:1] in {"", "#"} else match[1]
        start = match.end() + 1
    yield Chunk(text[start:], line, trailing)


def ignored_codes(text: str) -> dict[int, frozenset[str]]:
    """Codes silenced by line: a comment silences its own line or, alone on a line, the next that is none."""
    found: dict[int, frozenset[str]] = {}
    if "meshsplit:" not in text:
        return found
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        match = _COMMENT.search(line)
        if match is None or line[: match.start()][-1:].strip():
            continue  # YAML starts a comment only at the start of a line or after white space
        target = number
        while target <= len(lines) and lines[target - 1].lstrip().startswith("#"):
            target += 1
        codes = frozenset(code.strip() for code in match[1].split(",") if code.strip())
        found[target] = found.get(target, frozenset()) | codes
    return found
