"""A tree of YAML nodes to plain values, with the rules of goyaml v2, and the way from a path to its node."""

from collections.abc import Iterator
from sys import intern
from typing import Any

from meshsplit.diagnostics import FieldPath
from meshsplit.manifests.scalars import Scalar, resolve, resolve_tagged
from meshsplit.manifests.syntax import BROKEN, DUPLICATE_KEY, WRONG_TYPE, Problem, describe, format_path
from meshsplit.manifests.tree import PLAIN, QUOTED, Branch, Leaf, Node

_MERGE_TAG = "tag:yaml.org,2002:merge"


def construct(root: Node) -> tuple[Any, tuple[Problem, ...]]:
    """The plain value of a document and what is wrong inside it, in order of place."""
    construction = _Construction()
    value = construction.value(root, ())
    return value, tuple(sorted(construction.problems, key=lambda problem: problem.index))


def find(root: Node, path: FieldPath) -> tuple[int, Leaf | None]:
    """Start of the value at `path`, and its scalar if it is one.

    For a path that does not exist it is the start of the key of the nearest existing parent, the place where
    the missing field would be written under (of the value itself for a list element or the root).
    """
    node, anchor = root, root.start
    for step in path:
        entry = _child(node, step)
        if entry is None:
            return anchor, None
        key, node = entry
        anchor = node.start if key is None else key.start
    return node.start, node if isinstance(node, Leaf) else None


def _child(node: Node, step: str | int) -> tuple[Node | None, Node] | None:
    if isinstance(node, Leaf):
        return None
    if not node.is_mapping:
        inside = isinstance(step, int) and 0 <= step < len(node.children)
        return (None, node.children[int(step)]) if inside else None
    found: tuple[Node | None, Node] | None = None
    for key, value in _pairs(node):
        if _is_merge(key):
            for source in _merge_sources(value):
                found = _child(source, step) or found
        elif isinstance(key, Leaf) and _read_key(key)[0] == step:
            found = (key, value)
    return found


def _pairs(node: Branch) -> Iterator[tuple[Node, Node]]:
    children = iter(node.children)
    return zip(children, children, strict=True)


def _is_merge(key: Node) -> bool:
    return isinstance(key, Leaf) and ((key.tag == PLAIN and key.text == "<<") or key.tag == _MERGE_TAG)


def _merge_sources(value: Node) -> list[Branch]:
    """Mappings to merge, the one that wins last; empty when the value is of another shape."""
    if isinstance(value, Leaf):
        return []
    sources = [value] if value.is_mapping else value.children[::-1]
    mappings = [source for source in sources if isinstance(source, Branch) and source.is_mapping]
    return mappings if len(mappings) == len(sources) else []


def _scalar(node: Leaf) -> Scalar:
    if node.tag == PLAIN:
        return resolve(node.text)
    return node.text if node.tag == QUOTED else resolve_tagged(node.tag, node.text)


def _read_key(key: Leaf) -> tuple[str | None, Scalar]:
    """The key as kubectl passes it on (numbers and booleans become text; None for null), and its value."""
    try:
        value = _scalar(key)
    except ValueError:
        value = key.text
    if isinstance(value, str):
        return value, value
    if isinstance(value, bool):
        return str(value).lower(), value
    return (key.text if isinstance(value, float) else None if value is None else str(value)), value


class _Construction:
    """One pass over a tree; problems gather on the way, so that one bad list item spares the others."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def value(self, node: Node, path: FieldPath) -> Any:
        if isinstance(node, Branch):
            if node.is_mapping:
                return self._mapping(node, path)
            return [self.value(child, (*path, at)) for at, child in enumerate(node.children)]
        try:
            return _scalar(node)
        except ValueError as error:
            self.problems.append(Problem(BROKEN, str(error), f'quote it: "{node.text}"', node.start, path))
            return None

    def _mapping(self, node: Branch, path: FieldPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        written: set[str] = set()
        for key_node, value_node in _pairs(node):
            if _is_merge(key_node):
                self._merge(result, value_node, path)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in written:
                self.problems.append(duplicate_key(key, key_node.start, path))
            written.add(key)
            result[intern(key)] = self.value(value_node, (*path, key))
        return result

    def _merge(self, into: dict[str, Any], node: Node, path: FieldPath) -> None:
        """Entries take the place of earlier ones of the same key, as goyaml v2 does in order of writing."""
        sources = _merge_sources(node)
        if not sources and not (isinstance(node, Branch) and not node.children):
            message = "<< merges a mapping or a list of mappings, and this is neither"
            self.problems.append(Problem(BROKEN, message, "write an alias of a mapping", node.start, path))
        for source in sources:
            into.update(self._mapping(source, path))

    def _key(self, node: Node, path: FieldPath) -> str | None:
        text, value = _read_key(node) if isinstance(node, Leaf) else (None, None)
        if text is None:
            kind = "null" if isinstance(node, Leaf) else "a mapping" if node.is_mapping else "a list"
            message = f"a key is {kind}; keys must be strings"
            fix = "write a string as the key; render a template ({{ … }}) first"
            self.problems.append(Problem(BROKEN, message, fix, node.start, path))
        elif not isinstance(value, str) and isinstance(node, Leaf):
            at = (*path, text)
            message = f"the key {format_path(at)} is {describe(value)}; keys must be strings"
            self.problems.append(Problem(WRONG_TYPE, message, f'quote it: "{node.text}"', node.start, at))
        return text


def duplicate_key(key: str, index: int, path: FieldPath) -> Problem:
    """The problem of a key that is written again at `index` in the mapping at `path`."""
    where = f" in {format_path(path)}" if path else ""
    fix = "delete one; kubectl silently uses the last, strict readers refuse the object"
    return Problem(DUPLICATE_KEY, f'key "{key}" is written twice{where}', fix, index, path)
