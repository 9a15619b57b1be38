from datetime import UTC, datetime, timedelta

import pytest

from meshsplit.cli.tables import to_age, to_table

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 5, "2m5s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 4 * MINUTE, "3h4m"),
        (8 * HOUR + 4 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (41 * DAY + 5 * HOUR, "41d"),
        (2 * 365 * DAY - 1, "729d"),
        (2 * 365 * DAY + DAY, "2y1d"),
        (9 * 365 * DAY, "9y"),
    ],
)
def test_ages_are_written_as_kubectl_does(seconds: int, text: str) -> None:
    """The vectors are those of apimachinery's util/duration tests and their neighbours."""
    assert to_age(NOW - timedelta(seconds=seconds), NOW) == text


def test_an_unknown_age_is_a_dash() -> None:
    assert to_age(None, NOW) == "-"


def test_columns_align_and_empty_cells_are_dashes() -> None:
    assert to_table(["NAME", "X"], [["a", ""], ["longer", "1"]]) == ["NAME    X", "a       -", "longer  1"]
