"""Raw counters in, increments out: what happened between two samples, or that nobody can say.

`rate()` and `increase()` extrapolate to the edges of their window, and miss the first failure, which creates
its series. So counters are read raw and differenced here, series by series:

- a value below the one before is a reset: the increment is the value; - a series that was absent while its
pod was scraped starts at 0, any other new one is a start and no increment; - a sample that is missing is no
update, and the next difference covers both; - a sample that is not later than the last one read is not read
again, so no request counts twice; - a difference over a change of weight mixes two allocations, and is
dropped.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

STALE_AFTER = 300.0
"""Seconds for which a series may be missing from samples and is still known: Prometheus' lookback delta."""


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """One series: the pod (or any one scraped process) that counts it, and what tells its series apart."""

    pod: str
    name: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Counter values at one time (seconds, any fixed origin), and the pods whose scrape at that time worked.

    A value that is not a finite number of at least 0 (a staleness marker is NaN) is as good as absent.
    """

    at: float
    values: Mapping[SeriesKey, float]
    scraped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """The last value of a series and when it was seen."""

    key: SeriesKey
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far counters were read: the last sample's time and pods, and the series, sorted by key."""

    at: float | None = None
    pods: frozenset[str] = frozenset()
    marks: tuple[Mark, ...] = ()


Increments = Mapping[SeriesKey, float]


def difference(cursor: Cursor, sample: Sample, mixed: bool = False) -> tuple[Cursor, Increments | None]:
    """What was counted between the cursor and `sample`; `mixed` when the weight changed in between.

    None, and no evidence, for the first sample, an empty one, one that is not later than the cursor, and one
    over a change of weight. An empty or late one leaves the cursor as it is.
    """
    values = {key: value for key, value in sample.values.items() if math.isfinite(value) and value >= 0}
    if not values or not math.isfinite(sample.at) or (cursor.at is not None and sample.at <= cursor.at):
        return cursor, None
    pods = sample.scraped | {key.pod for key in values}
    marks = {mark.key: mark for mark in cursor.marks if _is_known(mark, cursor)}
    increments = {
        key: _increment(value, marks.get(key), key.pod in cursor.pods)
        for key, value in sorted(values.items())
    }
    marks |= {key: Mark(key, value, sample.at) for key, value in values.items()}
    after = Cursor(sample.at, pods, tuple(marks[key] for key in sorted(marks)))
    return after, None if cursor.at is None or mixed else increments


def _is_known(mark: Mark, cursor: Cursor) -> bool:
    """Whether a series was seen lately in sampled time; an outage of the source makes none forgotten."""
    return cursor.at is None or cursor.at - mark.at <= STALE_AFTER


def _increment(value: float, mark: Mark | None, scraped_before: bool) -> float:
    if mark is None:
        return value if scraped_before else 0.0
    return value - mark.value if value >= mark.value else value


def add_up(increments: Increments, keys: Iterable[SeriesKey]) -> float:
    """The sum of the increments of `keys`; a series without one adds nothing."""
    return sum(increments.get(key, 0.0) for key in keys)
