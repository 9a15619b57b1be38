"""`meshsplit get --watch`: the table, then a row for every ModelSplit that changes."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from meshsplit.cli.cluster import Change, Cluster
from meshsplit.cli.following import follow_all
from meshsplit.cli.kinds import MODEL_SPLITS
from meshsplit.cli.lookup import choose
from meshsplit.cli.output import Output, to_yaml
from meshsplit.cli.splitrows import AGE, STATUS, to_header, to_name, to_row
from meshsplit.cli.splits import LiveSplit, to_live_split, to_split_report
from meshsplit.cli.tables import to_line, to_widths
from meshsplit.kube.port import EventType

DELETED = "Deleted"
"""The STATUS of a ModelSplit that is gone."""

ROOM = {"STATUS": "AwaitingPromotion", "WEIGHT": "92.5 / 7.5"}
"""What columns are kept free for, since later rows cannot widen them: the longest usual values."""


def watch_splits(
    cluster: Cluster, namespace: str, labels: str, names: Sequence[str], program: str, output: Output
) -> None:
    """Print what there is and every change, until nobody reads it; CannotAnswer as `get` has it."""
    states = follow_all(cluster, MODEL_SPLITS, namespace, labels)
    changes = [(change, to_live_split(change.body)) for change in next(states)]
    choose([split for _, split in changes], names, namespace, cluster, program)
    if not changes:
        output.say(f"No ModelSplits in {f'namespace {namespace}' if namespace else 'the cluster'} yet.")
    rows = _Rows(output, with_namespace=not namespace) if output.format in {"table", "wide"} else None
    while True:
        chosen = [each for each in changes if not names or each[1].name in names]
        told = rows.take(chosen) if rows is not None else [_to_text(each, output.format) for each in chosen]
        if told and not output.answer("\n".join(told)):
            return
        changes = [(change, to_live_split(change.body)) for change in next(states)]


class _Rows:
    """The rows to print; one that shows nothing new is left out, as its age alone is not."""

    def __init__(self, output: Output, *, with_namespace: bool) -> None:
        self._output = output
        self._shape = {"with_namespace": with_namespace, "wide": output.format == "wide"}
        self._offset = int(with_namespace)
        self._widths: Sequence[int] = ()
        self._shown: dict[str, list[str]] = {}

    def take(self, changes: Sequence[tuple[Change, LiveSplit]]) -> list[str]:
        """The lines for these changes; the header comes with the first of them."""
        rows = [row for change, split in changes for row in self._find_new(change, split)]
        if not rows or self._widths:
            return [to_line(row, self._widths) for row in rows]
        header = to_header(**self._shape)
        self._widths = to_widths([header, *rows, [ROOM.get(title, "") for title in header]])
        first = self._output.stdout.strong(to_line(header, self._widths))
        return [first, *(to_line(row, self._widths) for row in rows)]

    def _find_new(self, change: Change, split: LiveSplit) -> list[list[str]]:
        row = to_row(split, datetime.now(UTC), **self._shape)
        if change.type is EventType.DELETED:
            self._shown.pop(str(split), None)
            row[self._offset + STATUS] = DELETED
            return [row]
        shown = [cell for at, cell in enumerate(row) if at != self._offset + AGE]
        if shown == self._shown.get(str(split)):
            return []
        self._shown[str(split)] = shown
        return [row]


def _to_text(seen: tuple[Change, LiveSplit], kind: str) -> str:
    change, split = seen
    if kind == "name":
        return to_name(split)
    entry = {"type": str(change.type), **to_split_report(split)}
    return json.dumps(entry) if kind == "json" else f"---\n{to_yaml(entry)}"
