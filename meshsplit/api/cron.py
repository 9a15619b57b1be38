"""Cron schedules of five fields, as crontab(5) has them, and the names of time zones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_TERM = re.compile(r"(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/([0-9]{1,2}))?")
_LEAP_CYCLE = timedelta(days=8 * 366)
"""No day of the calendar is rarer than the 29th of February around a century's end: eight years."""
_SUNDAY = 7
"""crontab(5) takes 0 and 7 for Sunday."""
_ANY_YEAR = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Cron:
    """The times a schedule names; a day counts by either field when both days and weekdays are restricted."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def names(self, day: date) -> bool:
        """Whether the schedule has times on that day."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % _SUNDAY in self.weekdays
        return by_day or by_weekday if self.either else by_day and by_weekday

    def times(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        """The times of one day in order; one that the clocks skip comes as much later as they skip."""
        if self.names(day):
            for hour in self.hours:
                for minute in self.minutes:
                    yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)

    def next_day(self, day: date) -> date | None:
        """The first day with times, `day` itself included; None when there never is one."""
        last = day + _LEAP_CYCLE
        while day <= last:
            if self.names(day):
                return day
            day += timedelta(days=1)
        return None


def to_cron(text: str) -> Cron | None:
    """Read `minute hour day month weekday`; None for anything else, and for days that never come."""
    fields = text.lower().split()
    if len(fields) != 5:
        return None
    minutes, hours = _to_numbers(fields[0], 0, 59), _to_numbers(fields[1], 0, 23)
    days, months = _to_numbers(fields[2], 1, 31), _to_numbers(fields[3], 1, 12, _MONTHS)
    weekdays = _to_numbers(fields[4], 0, _SUNDAY, _WEEKDAYS)
    if minutes is None or hours is None or days is None or months is None or weekdays is None:
        return None
    cron = Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        frozenset(each % _SUNDAY for each in weekdays),
        either=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    return cron if cron.next_day(_ANY_YEAR) is not None else None


def is_cron(text: str) -> bool:
    """Whether `text` is a schedule that names at least one time."""
    return to_cron(text) is not None


def is_time_zone(text: str) -> bool:
    """Whether `text` is a time zone of the IANA database as it is on this machine."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _to_numbers(field: str, least: int, most: int, words: tuple[str, ...] = ()) -> frozenset[int] | None:
    numbers: set[int] = set()
    for term in field.split(","):
        found = _TERM.fullmatch(term)
        if found is None:
            return None
        low, high = _to_bounds(found, least, most, words)
        step = int(found[3]) if found[3] else 1
        if low is None or high is None or not least <= low <= high <= most or step < 1:
            return None
        numbers.update(range(low, high + 1, step))
    return frozenset(numbers)


def _to_bounds(
    found: re.Match[str], least: int, most: int, words: tuple[str, ...]
) -> tuple[int | None, int | None]:
    if found[1] == "*":
        return (None, None) if found[2] else (least, most)
    low = _to_number(found[1], least, words)
    if found[2]:
        return low, _to_number(found[2], least, words)
    return low, most if found[3] else low


def _to_number(text: str, least: int, words: tuple[str, ...]) -> int | None:
    if text in words:
        return words.index(text) + least
    return int(text) if re.fullmatch("[0-9]{1,2}", text) else None
