"""Counters into increments: resets, series that appear, samples that are missing, and times of day."""

import math
from dataclasses import replace

import pytest

from meshsplit.analysis.counters import STALE_AFTER, Cursor, Increments, Sample, SeriesKey, add_up, difference

GOOD, BAD = SeriesKey("pod-a", "good"), SeriesKey("pod-a", "bad")
OTHER = SeriesKey("pod-b", "good")


def read_all(*samples: Sample) -> list[Increments | None]:
    cursor, found = Cursor(), []
    for sample in samples:
        cursor, increments = difference(cursor, sample)
        found.append(increments)
    return found


def test_the_first_sample_is_a_start_and_the_next_counts_what_came_since() -> None:
    found = read_all(Sample(0, {GOOD: 100, BAD: 3}), Sample(15, {GOOD: 140, BAD: 4}))
    assert found == [None, {GOOD: 40, BAD: 1}]


def test_a_value_below_the_one_before_is_a_reset() -> None:
    assert read_all(Sample(0, {GOOD: 100}), Sample(15, {GOOD: 7}))[1] == {GOOD: 7}


def test_the_first_failure_creates_its_series_and_is_counted() -> None:
    found = read_all(Sample(0, {GOOD: 100}), Sample(15, {GOOD: 140, BAD: 2}))
    assert found[1] == {GOOD: 40, BAD: 2}


def test_a_pod_that_was_scraped_without_any_series_starts_at_zero() -> None:
    samples = Sample(0, {GOOD: 1}, frozenset({"pod-a", "pod-b"})), Sample(15, {GOOD: 2, OTHER: 9})
    assert read_all(*samples)[1] == {GOOD: 1, OTHER: 9}


def test_the_first_value_of_a_pod_that_was_not_scraped_is_discarded() -> None:
    found = read_all(Sample(0, {GOOD: 1}), Sample(15, {GOOD: 2, OTHER: 9}), Sample(30, {GOOD: 2, OTHER: 11}))
    assert found[1] == {GOOD: 1, OTHER: 0}
    assert found[2] == {GOOD: 0, OTHER: 2}


@pytest.mark.parametrize("lost", [Sample(15, {}), Sample(15, {GOOD: math.nan}), Sample(15, {GOOD: -3.0})])
def test_a_sample_without_values_is_no_update_and_the_next_covers_both(lost: Sample) -> None:
    found = read_all(Sample(0, {GOOD: 100}), lost, Sample(30, {GOOD: 180}))
    assert found == [None, None, {GOOD: 80}]


def test_an_outage_of_the_source_however_long_loses_nothing() -> None:
    found = read_all(Sample(0, {GOOD: 100}), Sample(10 * STALE_AFTER, {GOOD: 900}))
    assert found[1] == {GOOD: 800}


def test_one_missing_value_in_a_sample_is_covered_by_the_next() -> None:
    found = read_all(Sample(0, {GOOD: 5, OTHER: 5}), Sample(15, {OTHER: 6}), Sample(30, {GOOD: 9, OTHER: 7}))
    assert found[1] == {OTHER: 1}
    assert found[2] == {GOOD: 4, OTHER: 1}


def test_a_series_gone_for_long_is_forgotten() -> None:
    samples = [Sample(0, {GOOD: 100, OTHER: 5})]
    samples += [Sample(at, {OTHER: 5 + at}) for at in (100, 200, 300, 400, 500)]
    cursor = Cursor()
    for sample in samples:
        cursor, _ = difference(cursor, sample)
    _, increments = difference(cursor, Sample(515, {GOOD: 120, OTHER: 600}))
    assert increments is not None
    assert increments[GOOD] == 0


@pytest.mark.parametrize("at", [0, 15, math.nan])
def test_no_sample_is_read_twice(at: float) -> None:
    cursor, _ = difference(Cursor(), Sample(0, {GOOD: 100}))
    cursor, _ = difference(cursor, Sample(15, {GOOD: 140}))
    again, increments = difference(cursor, Sample(at, {GOOD: 999}))
    assert increments is None
    assert again == cursor


def test_a_difference_over_a_change_of_weight_is_dropped_and_the_next_is_not() -> None:
    cursor, _ = difference(Cursor(), Sample(0, {GOOD: 100}))
    cursor, increments = difference(cursor, Sample(15, {GOOD: 140}), mixed=True)
    assert increments is None
    assert difference(cursor, Sample(30, {GOOD: 150}))[1] == {GOOD: 10}


def test_the_origin_of_time_does_not_matter() -> None:
    samples = [Sample(at, {GOOD: 10.0 * at, BAD: float(at // 30)}) for at in range(0, 150, 15)]
    for hours in (-11, 1, 5.75):
        shifted = [replace(sample, at=sample.at + 3600 * hours) for sample in samples]
        assert read_all(*shifted) == read_all(*samples)


def test_splitting_the_time_between_two_samples_counts_the_same() -> None:
    whole = read_all(Sample(0, {GOOD: 0, BAD: 0}), Sample(60, {GOOD: 90, BAD: 4}))[1]
    parts = read_all(
        Sample(0, {GOOD: 0, BAD: 0}), Sample(20, {GOOD: 33, BAD: 0}), Sample(60, {GOOD: 90, BAD: 4})
    )
    assert whole is not None
    assert all(part is not None for part in parts[1:])
    for key in (GOOD, BAD):
        assert add_up(whole, [key]) == sum(add_up(part, [key]) for part in parts[1:] if part)
