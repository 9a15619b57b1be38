"""One Kubernetes object with the piece of text it came from, and the place of each of its fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from meshsplit.diagnostics import FieldPath, ObjectRef, Position
from meshsplit.manifests.construct import find
from meshsplit.manifests.json_text import find_json, is_json
from meshsplit.manifests.syntax import Problem
from meshsplit.manifests.tree import Node, compose

_TREES = 2  # composed again on demand: findings of one document come in a row, and trees are large


@dataclass(frozen=True, slots=True)
class Document:
    """One Kubernetes object as plain dict, list, str, int, float, bool and None.

    `text` is the source of the YAML or JSON document it was in, which begins at line `first_line` of `file`;
    `item` is its path in there, () unless it was an element of a List.
    """

    ref: ObjectRef
    body: Mapping[str, Any]
    file: str
    first_line: int
    text: str
    item: FieldPath = ()


def locate(document: Document, path: FieldPath) -> Position:
    """Where the value of a field starts, () being the object itself.

    For a field that is not there it is the key of the nearest existing parent, under which it would be
    written (for an element of a list or the object itself: where that starts). What came through an alias or
    a merge is where its anchor is.
    """
    index, _ = place(document.text, (*document.item, *path))
    return position_at(document.file, document.first_line, document.text, index)


def position_at(file: str, first_line: int, text: str, index: int) -> Position:
    """Line and column of a character of a text that begins at a line of a file."""
    line_start = text.rfind("\n", 0, index) + 1
    return Position(file, first_line + text.count("\n", 0, index), index - line_start + 1)


def place(text: str, path: FieldPath) -> tuple[int, str | None]:
    """Index of the value at `path` in one document's text, and a scalar as it is written there."""
    if is_json(text):
        return find_json(text, path)
    root = _compose(text)
    if root is None or isinstance(root, Problem):
        return 0, None
    index, leaf = find(root, path)
    return index, leaf.text if leaf else None


@lru_cache(maxsize=_TREES)
def _compose(text: str) -> Node | Problem | None:
    return compose(text)
