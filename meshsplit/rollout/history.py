"""What a group served: at most ten changes, and always the good splits that one may go back to."""

from collections.abc import Mapping
from dataclasses import replace

from meshsplit.model import Split
from meshsplit.rollout.splits import is_same
from meshsplit.rollout.state import Record

MOST_RECORDS = 10
MOST_GOOD = 5
"""Of these the last ones that were good; the others leave first."""

History = tuple[Record, ...]
"""Records, oldest first."""


def append(history: History, record: Record) -> History:
    """The history with one more record, and without what it has no more room for."""
    grown = [*history, record]
    while sum(each.good for each in grown) > MOST_GOOD:
        grown.remove(next(each for each in grown if each.good))
    while len(grown) > MOST_RECORDS:
        grown.remove(next(each for each in grown if not each.good))
    return tuple(grown)


def find_way_back(history: History, serving: Split, number: int | None = None) -> Record | None:
    """The last good record whose split is not the one that serves, or the good one of that number."""
    for record in reversed(history):
        wanted = record.number == number if number is not None else not is_same(record.split, serving)
        if record.good and wanted:
            return record
    return None


def was_good(history: History, split: Split, revisions: Mapping[str, str]) -> bool:
    """Whether a split was held as good with the same content of the members that it gives a share to."""
    return any(
        record.good
        and is_same(record.split, split)
        and all(revisions.get(name, "") == revision for name, revision in record.revisions)
        for record in history
    )


def disown(history: History, after: int) -> History:
    """The history in which nothing later than record `after` is good any more."""
    return tuple(replace(each, good=each.good and each.number <= after) for each in history)
