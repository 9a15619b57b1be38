"""Counters of the user's own: two PromQL expressions, each one series a member in the label `member`."""

import re
from collections.abc import Iterable, Iterator, Sequence

from meshsplit.analysis.metrics import Custom
from meshsplit.analysis.queries.promql import TAG, quote
from meshsplit.model import GroupKey

MEMBER = "member"
GOOD, BAD = "good", "bad"

_PLACEHOLDER = re.compile(r"\{\{\s*(split|namespace)\s*\}\}")
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?P<comment>\#[^\n]*)|(?P<word>[A-Za-z_:][\w:]*)"""
    r"""|(?P<bracket>[()\[\]{}])|(?P<quote>["'`])""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {")": "(", "]": "[", "}": "{"}
_AGGREGATIONS = frozenset(("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "quantile"))
"""Those that drop labels; `topk` and `bottomk` choose among series and leave theirs."""


def fill(expression: str, split: GroupKey) -> str:
    """The expression with `{{ split }}` and `{{ namespace }}` filled in; both are DNS names."""
    names = {"split": split.name, "namespace": split.namespace}
    return _PLACEHOLDER.sub(lambda found: names[found[1]], expression)


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


def make_custom_query(asks: Sequence[tuple[GroupKey, Custom]]) -> str:
    """One query for all of them; a series says in the label `meshsplit` what it answers: `3 good`."""
    return "\nor\n".join(_tagged(asks))


def _tagged(asks: Iterable[tuple[GroupKey, Custom]]) -> Iterator[str]:
    for index, (split, custom) in enumerate(asks):
        for side, expression in ((GOOD, custom.good), (BAD, custom.bad)):
            # The line feed ends a comment.
            tag = quote(f"{index} {side}")
            yield f'label_replace((\n{fill(expression, split)}\n), "{TAG}", {tag}, "", "")'
