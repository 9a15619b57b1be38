"""The rows of `get`: one ModelSplit a line."""

from datetime import datetime

from meshsplit.cli.evidencetext import to_errors, to_step
from meshsplit.cli.kinds import MODEL_SPLITS
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.tables import to_age

COLUMNS = ("NAME", "STRATEGY", "STATUS", "STABLE", "CANARY", "WEIGHT", "STEP", "CANARY ERRORS (95%)", "AGE")
WIDE_COLUMNS = ("TARGET", "MESSAGE")
STATUS, AGE = COLUMNS.index("STATUS"), COLUMNS.index("AGE")


def to_header(*, with_namespace: bool, wide: bool) -> list[str]:
    """The titles of the columns."""
    return [*(["NAMESPACE"] if with_namespace else []), *COLUMNS, *(WIDE_COLUMNS if wide else ())]


def to_row(split: LiveSplit, now: datetime, *, with_namespace: bool, wide: bool) -> list[str]:
    """The cells of one ModelSplit."""
    return [
        *([split.namespace] if with_namespace else []),
        *_cells(split, now),
        *(_wide_cells(split) if wide else ()),
    ]


def to_name(split: LiveSplit) -> str:
    """As `-o name` prints it, and kubectl takes it."""
    return f"modelsplit.{MODEL_SPLITS.group}/{split.name}"


def _cells(split: LiveSplit, now: datetime) -> tuple[str, ...]:
    status = split.status
    word = split.ready.reason if split.ready is not None else ""
    step, errors = to_step(status.rollout), to_errors(status)
    texts = (split.name, split.strategy, word, status.stable, status.canary, split.weight, step, errors)
    return (*texts, to_age(split.created, now))


def _wide_cells(split: LiveSplit) -> tuple[str, ...]:
    message = split.ready.message if split.ready is not None else split.problem
    return split.status.target, message
