"""What can be said about a PromQL expression without asking anybody."""

import re
from collections.abc import Iterator

MEMBER = "member"
"""The label that names the member in counters of the user's own."""

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?P<comment>\#[^\n]*)|(?P<word>[A-Za-z_:][\w:]*)"""
    r"""|(?P<bracket>[()\[\]{}])|(?P<quote>["'`])""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {")": "(", "]": "[", "}": "{"}
_AGGREGATIONS = frozenset(("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "quantile"))
"""Those that drop labels; `topk` and `bottomk` choose among series and leave theirs."""


def find_fault(expression: str) -> str | None:
    """Why the expression is none that can stand inside a larger query; None when it can.

    A bracket or quote that is left open, or closed too early, would reach into the expressions beside it.
    """
    opened: list[str] = []
    for token in _TOKEN.finditer(expression):
        if token["quote"]:
            return f"the quote {token['quote']} is not closed"
        if token["bracket"] in _CLOSING:
            if not opened or opened.pop() != _CLOSING[token["bracket"]]:
                return f"{token['bracket']} closes nothing"
        elif token["bracket"]:
            opened.append(token["bracket"])
    return f"{opened[-1]} is not closed" if opened else None


def loses_member(expression: str) -> str | None:
    """The first aggregation outside of all others that drops the label `member`; None when none does.

    Only what is certain: a series may lack the label all the same, which a read finds out.
    """
    words = list(_outer_words(expression))
    if any(word in ("label_replace", "label_join") for word, _, _ in words):
        return None
    for word, _, end in words:
        if word in _AGGREGATIONS and not _keeps_member(expression, end):
            return word
    return None


def _outer_words(expression: str) -> Iterator[tuple[str, int, int]]:
    """Words outside of brackets, with their place."""
    depth = 0
    for token in _TOKEN.finditer(expression):
        if token["bracket"]:
            depth += -1 if token["bracket"] in _CLOSING else 1
        elif token["word"] and depth == 0:
            yield token["word"].lower(), token.start(), token.end()


_CLAUSE = re.compile(r"\s*(by|without)\s*\(([^)]*)\)", re.IGNORECASE)


def _keeps_member(expression: str, at: int) -> bool:
    """Whether the aggregation whose name ends at `at` has a clause, before or after, that keeps `member`."""
    clause = _CLAUSE.match(expression, at)
    if clause is None:
        closing = _find_closing(expression, expression.find("(", at))
        clause = _CLAUSE.match(expression, closing + 1) if closing >= 0 else None
    if clause is None:
        return False
    named = MEMBER in re.findall(r"[\w:]+", clause[2])
    return named if clause[1].lower() == "by" else not named


def _find_closing(expression: str, at: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(expression, max(at, 0)):
        if token["bracket"]:
            depth += -1 if token["bracket"] in _CLOSING else 1
            if depth == 0:
                return token.start()
    return -1
