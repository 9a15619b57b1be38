from datetime import date
from zoneinfo import ZoneInfo

import pytest

from meshsplit.api.cron import is_cron, is_time_zone, to_cron


@pytest.mark.parametrize(
    ("text", "minutes", "hours"),
    [
        ("0 9 * * *", (0,), (9,)),
        ("*/20 8-10 * * *", (0, 20, 40), (8, 9, 10)),
        ("5,1 0-23/6 * * *", (1, 5), (0, 6, 12, 18)),
        ("10/25 23 * * *", (10, 35), (23,)),
    ],
)
def test_minutes_and_hours_are_lists_ranges_and_steps(
    text: str, minutes: tuple[int, ...], hours: tuple[int, ...]
) -> None:
    cron = to_cron(text)
    assert cron is not None
    assert (cron.minutes, cron.hours) == (minutes, hours)


@pytest.mark.parametrize(
    ("text", "day", "named"),
    [
        ("0 9 * * 1-5", date(2026, 11, 20), True),  # a Friday
        ("0 9 * * mon-FRI", date(2026, 11, 20), True),
        ("0 9 * * 1-5", date(2026, 11, 21), False),
        ("0 9 * * 0", date(2026, 11, 22), True),
        ("0 9 * * 7", date(2026, 11, 22), True),
        ("0 9 * * 5-7", date(2026, 11, 22), True),
        ("0 9 * feb *", date(2026, 2, 3), True),
        ("0 9 * feb *", date(2026, 3, 3), False),
        # Either of two restricted days is enough; a restricted one beside a star is needed (crontab(5)).
        ("0 9 13 * 5", date(2026, 11, 13), True),
        ("0 9 13 * 5", date(2026, 11, 20), True),
        ("0 9 13 * 5", date(2026, 11, 14), False),
        ("0 9 13 * *", date(2026, 11, 20), False),
    ],
)
def test_days(text: str, day: date, named: bool) -> None:
    cron = to_cron(text)
    assert cron is not None
    assert cron.names(day) is named


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8"),
        *("5-1 * * * *", "*/0 * * * *", "a * * * *", "1- * * * *", "*-5 * * * *", "1,,2 * * * *"),
        *("@daily", "0 9 30 2 *", "0 9 * * fri-mon", "٣ * * * *"),
    ],
)
def test_what_is_no_schedule_or_never_comes_is_refused(text: str) -> None:
    assert not is_cron(text)


def test_the_29th_of_february_comes() -> None:
    cron = to_cron("0 0 29 2 *")
    assert cron is not None
    assert cron.next_day(date(2026, 3, 1)) == date(2028, 2, 29)


def test_times_of_a_day_are_in_its_zone() -> None:
    cron = to_cron("30 9,17 * * *")
    assert cron is not None
    times = [time.isoformat() for time in cron.times(date(2026, 7, 1), ZoneInfo("Europe/Zurich"))]
    assert times == ["2026-07-01T09:30:00+02:00", "2026-07-01T17:30:00+02:00"]


def test_time_zones_are_those_of_iana() -> None:
    assert is_time_zone("Europe/Zurich")
    assert is_time_zone("UTC")
    assert not is_time_zone("Europe/Atlantis")
    assert not is_time_zone("../etc/passwd")
    assert not is_time_zone("")
