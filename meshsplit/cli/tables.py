"""Tables and ages as kubectl prints them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from meshsplit.cli.terminal import visible

GAP = "  "
NOTHING = "-"
"""What a cell without a value shows."""

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400


def to_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns, the header first; an empty cell shows NOTHING, none steers a terminal."""
    table = [header, *rows]
    widths = to_widths(table)
    return [to_line(row, widths) for row in table]


def to_widths(table: Sequence[Sequence[str]]) -> list[int]:
    """What each column of a table needs, its header included."""
    return [max(len(_shown(row[at])) for row in table) for at in range(len(table[0]))]


def to_line(row: Sequence[str], widths: Sequence[int]) -> str:
    """One row of a table; a cell that is too wide moves the rest of its line."""
    cells = zip(row, widths, strict=True)
    return GAP.join(_shown(cell).ljust(width) for cell, width in cells).rstrip()


def _shown(cell: str) -> str:
    return visible(cell) or NOTHING


def to_age(since: datetime | None, now: datetime) -> str:
    """How long ago, as apimachinery's duration.HumanDuration writes it: two units while they are small."""
    if since is None:
        return NOTHING
    seconds = max(0, int((now - since).total_seconds()))
    for limit, unit, suffix, smaller, small_suffix in (
        (2 * _MINUTE, 1, "s", 0, ""),
        (10 * _MINUTE, _MINUTE, "m", 1, "s"),
        (3 * _HOUR, _MINUTE, "m", 0, ""),
        (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
        (2 * _DAY, _HOUR, "h", 0, ""),
        (8 * _DAY, _DAY, "d", _HOUR, "h"),
        (2 * _YEAR, _DAY, "d", 0, ""),
        (8 * _YEAR, _YEAR, "y", _DAY, "d"),
    ):
        if seconds < limit:
            rest = seconds % unit // smaller if smaller else 0
            return f"{seconds // unit}{suffix}" + (f"{rest}{small_suffix}" if rest else "")
    return f"{seconds // _YEAR}y"
