"""YAML text to a light tree with positions: PyYAML's parser (libyaml where there), our own composer.

PyYAML's composer recurses in C and would end the process on deep nesting; this one is a loop.
"""

import re
from dataclasses import dataclass, field

import yaml

from meshsplit.manifests.syntax import BROKEN, MAX_DEPTH, Problem, too_deep

MAX_ALIASED_NODES = 400_000
"""Nodes that aliases may add to one document; goyaml v2 allows about as many (alias_ratio_range_low)."""

PLAIN = "?"
"""Tag of a scalar that is to be resolved by its text."""
QUOTED = "!"
"""Tag of a scalar that is a string as written."""

# What YAML 1.1 calls printable, and the byte order mark, which goyaml accepts inside a document.
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Leaf:
    """A scalar: its text, its tag (PLAIN, QUOTED or an explicit one) and where it starts."""

    text: str
    tag: str
    start: int


@dataclass(slots=True)
class Branch:
    """A sequence, or a mapping whose keys and values alternate; size and height count aliases in full."""

    is_mapping: bool
    start: int
    children: list["Node"] = field(default_factory=list)
    size: int = 1
    height: int = 1


Node = Leaf | Branch


def compose(text: str, loader: type[yaml.SafeLoader | yaml.CSafeLoader] = _LOADER) -> Node | Problem | None:
    """The tree of one document, None when it is empty; indices count characters of `text`."""
    if (character := _UNREADABLE.search(text)) is not None:
        return unreadable(character)
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=loader):
            if problem := composer.add(event):
                return problem
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: PyYAML's own scanner
        return _broken(error, text)
    return composer.root


class _Composer:
    """Takes a document's events in order; `root` is the tree so far."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Branch] = []
        self._anchors: dict[str, Node] = {}
        self._aliased = 0

    def add(self, event: yaml.Event) -> Problem | None:
        if isinstance(event, yaml.ScalarEvent):
            return self._place(Leaf(event.value, _tag(event), _start(event)), event.anchor)
        if isinstance(event, yaml.CollectionStartEvent):
            branch = Branch(isinstance(event, yaml.MappingStartEvent), _start(event))
            problem = self._place(branch, event.anchor)
            self._open.append(branch)
            return problem
        if isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            return _second_document(_start(event))
        return None

    def _place(self, node: Node, anchor: str | None) -> Problem | None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return None
        if isinstance(node, Branch) and len(self._open) >= MAX_DEPTH:
            return too_deep(node.start)
        self._open[-1].children.append(node)
        return None

    def _close(self) -> None:
        branch = self._open.pop()
        for child in branch.children:
            if isinstance(child, Branch):
                branch.size += child.size
                branch.height = max(branch.height, child.height + 1)
            else:
                branch.size += 1

    def _alias(self, event: yaml.AliasEvent) -> Problem | None:
        index = _start(event)
        node = self._anchors.get(event.anchor or "")
        if node is None:
            message = f"alias *{event.anchor} refers to no anchor of this document"
            return Problem(BROKEN, message, "define the anchor", index)
        if isinstance(node, Branch):
            if any(node is branch for branch in self._open):
                message = f"anchor &{event.anchor} contains itself"
                return Problem(BROKEN, message, f"write the value in place of *{event.anchor}", index)
            if len(self._open) + node.height > MAX_DEPTH:
                return too_deep(index)
            self._aliased += node.size
            if self._aliased > MAX_ALIASED_NODES:
                message = f"aliases expand to more than {MAX_ALIASED_NODES:,} values"
                return Problem(BROKEN, message, "write fewer aliases of aliases", index)
        return self._place(node, None)


def _start(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _tag(event: yaml.ScalarEvent) -> str:
    return event.tag or (PLAIN if event.implicit[0] else QUOTED)


def unreadable(character: re.Match[str]) -> Problem:
    """The problem of a character no document may hold; a byte not in UTF-8 is a lone surrogate (PEP 383)."""
    code = ord(character[0])
    if 0xDC80 <= code <= 0xDCFF:
        message, fix = f"byte 0x{code - 0xDC00:02x} is not UTF-8", "save the file as UTF-8"
    elif code == 0:
        message, fix = "a NUL character", "remove it; if every other byte is NUL, save the file as UTF-8"
    else:
        message, fix = f"character U+{code:04X} is not allowed", 'remove it, or write it as an escape in "…"'
    return Problem(BROKEN, message, fix, character.start())


def _second_document(index: int) -> Problem:
    message = "a second document begins without a --- line before it; kubectl would ignore it"
    return Problem(BROKEN, message, "put a line with --- between the documents", index)


def _broken(error: Exception, text: str) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(BROKEN, f"not valid YAML: {error}", _OTHER_FIX, 0)
    problem = error.problem or ""
    # A quote that is never closed is found at the end of the text, but mended where it opens.
    mark = error.context_mark if _NEVER_CLOSED in problem else error.problem_mark
    index = min(mark.index, len(text)) if mark else 0
    message = ", ".join(part for part in (error.context, problem) if part)
    return Problem(BROKEN, f"not valid YAML: {message}", _fix(problem, text, index), index)


_NEVER_CLOSED = "unexpected end of stream"

# By a part of libyaml's (and PyYAML's) message.
_FIXES = {
    _NEVER_CLOSED: "close the quote that opens here",
    "mapping values are not allowed": 'quote the value that holds ": ", or correct the indentation',
    "find expected ':'": "write key: value, or indent the line so that it continues the one before",
    "did not find expected key": "start the keys of one mapping in one column; close quotes and brackets",
    "<document start>": "indent the text so that it belongs to the document, or put --- on a line before it",
    "',' or": "put a comma between the elements, and close the bracket",
    "cannot start any token": "quote a value that starts with @, ` or %",
}
_OTHER_FIX = "check indentation, quotes and brackets here and on the line before"


def _fix(problem: str, text: str, index: int) -> str:
    line_start = text.rfind("\n", 0, index) + 1
    line = text[line_start:].partition("\n")[0]
    if "{{" in line:
        return "render the template (Helm, Jinja) first and pass the result"
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not with tabs"
    if text.startswith("%"):
        return "delete the line that starts with %; kubectl refuses it"
    return next((fix for part, fix in _FIXES.items() if part in problem), _OTHER_FIX)
