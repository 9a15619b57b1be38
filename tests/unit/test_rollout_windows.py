from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from meshsplit.rollout.windows import find_closed, make_window

HOUR = 3600.0
ZURICH = "Europe/Zurich"


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("time", "is_open"),
    [
        ("2026-11-20T08:59:59", False),
        ("2026-11-20T09:00:00", True),
        ("2026-11-20T16:59:59", True),
        ("2026-11-20T17:00:00", False),
        ("2026-11-21T12:00:00", False),  # a Saturday
    ],
)
def test_a_window_is_open_from_each_time_for_its_duration(time: str, is_open: bool) -> None:
    window = make_window("0 9 * * 1-5", 8 * HOUR, ZURICH)
    assert window.is_open(at(time, ZURICH)) is is_open


def test_a_window_may_last_beyond_midnight_and_for_days() -> None:
    night = make_window("0 22 * * 5", 8 * HOUR, "UTC")
    assert night.is_open(at("2026-11-21T05:59:00"))
    assert not night.is_open(at("2026-11-21T06:00:00"))
    weekend = make_window("0 0 * * 6", 48 * HOUR, "UTC")
    assert weekend.is_open(at("2026-11-22T23:59:00"))
    assert not weekend.is_open(at("2026-11-23T00:00:00"))


def test_a_window_follows_the_clocks_of_its_zone() -> None:
    window = make_window("0 9 * * *", HOUR, ZURICH)
    assert window.is_open(at("2026-07-01T07:30:00"))
    assert window.is_open(at("2026-12-01T08:30:00"))
    assert not window.is_open(at("2026-12-01T07:30:00"))


def test_a_time_that_the_clocks_skip_still_opens_the_window() -> None:
    window = make_window("30 2 * * *", HOUR, ZURICH)
    assert window.is_open(at("2026-03-29T01:45:00"))


def test_the_next_opening_is_said() -> None:
    windows = (make_window("0 9 * * 1-5", HOUR, "UTC"), make_window("0 20 * * 6", HOUR, "UTC"))
    assert find_closed(windows, at("2026-11-20T09:30:00")) == ""
    said = find_closed(windows, at("2026-11-20T10:00:00"))
    assert said == "the next window opens 2026-11-21T20:00:00Z"


@pytest.mark.parametrize(
    ("schedule", "zone", "seconds"),
    [("nonsense", "UTC", HOUR), ("0 9 * * *", "Mars/Olympus", HOUR), ("0 9 * * *", "UTC", 0.0)],
)
def test_a_window_that_cannot_be_read_never_opens(schedule: str, zone: str, seconds: float) -> None:
    window = make_window(schedule, seconds, zone)
    assert not window.is_open(at("2026-11-20T09:00:00"))
    assert find_closed((window,), at("2026-11-20T09:00:00")) == "the windows never open"


def test_without_windows_it_is_always_open() -> None:
    assert find_closed((), 0.0) == ""
