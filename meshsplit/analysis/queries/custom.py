"""Counters of the user's own: two PromQL expressions, each one series a member in the label `member`."""

import re
from collections.abc import Iterable, Iterator, Sequence

from meshsplit.analysis.metrics import Custom
from meshsplit.analysis.queries.promql import TAG, quote
from meshsplit.model import GroupKey

GOOD, BAD = "good", "bad"

_PLACEHOLDER = re.compile(r"\{\{\s*(split|namespace)\s*\}\}")


def fill(expression: str, split: GroupKey) -> str:
    """The expression with `{{ split }}` and `{{ namespace }}` filled in; both are DNS names."""
    names = {"split": split.name, "namespace": split.namespace}
    return _PLACEHOLDER.sub(lambda found: names[found[1]], expression)


def make_custom_query(asks: Sequence[tuple[GroupKey, Custom]]) -> str:
    """One query for all of them; a series says in the label `meshsplit` what it answers: `3 good`."""
    return "\nor\n".join(_tagged(asks))


def _tagged(asks: Iterable[tuple[GroupKey, Custom]]) -> Iterator[str]:
    for index, (split, custom) in enumerate(asks):
        for side, expression in ((GOOD, custom.good), (BAD, custom.bad)):
            # The line feed ends a comment.
            tag = quote(f"{index} {side}")
            yield f'label_replace((\n{fill(expression, split)}\n), "{TAG}", {tag}, "", "")'
