"""What samples of stable's counters tell of its past: its rate, and how its errors burst."""

import math
from random import Random

import pytest

from meshsplit.analysis.guess import Past
from meshsplit.analysis.past import BURST_SECONDS, PAST_SECONDS, STEP_SECONDS, Track, to_stable_past
from meshsplit.simulation.chance import Chance, draw_bursty

NOW = 1_000_000.0
STEPS = round(BURST_SECONDS / STEP_SECONDS)


def track(pod: str, increments: list[float], bad: bool = False, first: float = 0.0) -> Track:
    """A counter whose last sample is of now."""
    value, samples = first, []
    begin = NOW - STEP_SECONDS * len(increments)
    for step, increment in enumerate([0.0, *increments]):
        value += increment
        samples.append((begin + STEP_SECONDS * step, value))
    return Track(pod, bad, samples)


def bursty(pod: str, chance: Chance, icc: float) -> list[Track]:
    """Four hours of a pod with 300 requests a step, of which 1 % fail."""
    failed = [float(draw_bursty(chance, 300, 0.01, icc)) for _ in range(STEPS)]
    return [track(pod, [300.0 - bad for bad in failed]), track(pod, failed, bad=True)]


def test_the_last_half_hour_is_what_stables_rate_is_guessed_from() -> None:
    steps = round(PAST_SECONDS / STEP_SECONDS)
    night = [0.0] * 10 + [50.0] * 10
    tracks = [
        track("a", [1.0] * 20 + [3.0] * steps, first=700.0),
        track("a", night + [1.0] * steps, bad=True),
    ]
    assert to_stable_past(tracks, NOW, own_pods=True).past == Past(4.0 * steps, 1.0 * steps)


def test_counters_are_read_by_the_rules_of_counters() -> None:
    begun = NOW - 10 * STEP_SECONDS
    good = Track("a", False, [(begun, 100.0), (NOW - 60, 110.0), (NOW - 30, 4.0), (NOW, 5.0)])
    first_failure = Track("a", True, [(NOW - 30, 2.0), (NOW - 15, math.nan), (NOW, 3.0)])
    other_pod = Track("b", False, [(NOW - 30, 900.0), (NOW, 901.0)])
    assert to_stable_past([good, first_failure, other_pod], NOW, own_pods=True).past == Past(19.0, 3.0)


def test_nothing_known_is_no_past() -> None:
    for tracks in ([], [Track("a", False, [])], [Track("a", False, [(NOW, math.nan)])]):
        told = to_stable_past(tracks, NOW, own_pods=True)
        assert (told.past, told.icc) == (Past(), 0.0)


@pytest.mark.parametrize("icc", [0.003, 0.01, 0.03])
def test_bursts_are_seen_where_the_members_own_pods_are_told_apart(icc: float) -> None:
    chance = Random(11)
    tracks = [each for pod in ("a", "b", "c") for each in bursty(pod, chance, icc)]
    assert 0.5 * icc < to_stable_past(tracks, NOW, own_pods=True).icc < 3 * icc
    assert to_stable_past(tracks, NOW, own_pods=False).icc == 0.0
    alone = [each for each in tracks if each.pod == "a"]
    assert to_stable_past(alone, NOW, own_pods=True).icc == 0.0


def test_failures_that_come_one_by_one_cost_next_to_nothing() -> None:
    chance = Random(5)
    tracks = [each for pod in ("a", "b") for each in bursty(pod, chance, 0.0)]
    assert to_stable_past(tracks, NOW, own_pods=True).icc < 0.0005
