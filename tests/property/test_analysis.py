"""Invariants of the decision rule, for any counts and guesses."""

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import beta

from meshsplit.analysis.checkpoint import to_plain, to_trial
from meshsplit.analysis.counts import Counts
from meshsplit.analysis.evidence import log_factor, null_point
from meshsplit.analysis.intervals import rate_interval, ratio_interval
from meshsplit.analysis.ramp import Ramp, first_weight, next_weight
from meshsplit.analysis.trial import begin, step
from support.analysis import ONE_METRIC, expectation, factors, read_of

rates = st.floats(1e-6, 1 - 1e-6)
lines = st.sampled_from(
    [(1.0, 0.0), (1.25, 0.0), (2.0, 0.002), (2.0, 0.0), (1.0, 0.2), (0.0, 0.05), (0.7, 0.1)]
)
sizes = st.integers(1, 12)
counts = st.builds(
    lambda n_c, n_s, a, b: Counts(n_c, int(n_c * a), n_s, int(n_s * b)),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.floats(0, 1),
    st.floats(0, 1),
)


@given(sizes, sizes, lines, rates, rates, rates, st.floats(0, 1))
def test_no_null_gains_on_average(
    n_c: int,
    n_s: int,
    line: tuple[float, float],
    theta_c: float,
    theta_s: float,
    p_s: float,
    behind: float,
) -> None:
    rho, delta = line
    p_c = rho * p_s + delta
    assume(p_c <= 1)
    p_c = p_c * behind if theta_c > rho * theta_s + delta else p_c + (1 - p_c) * (1 - behind)
    assert expectation(np.exp(factors(n_c, n_s, theta_c, theta_s, rho, delta)), p_c, p_s) <= 1 + 1e-9


@given(st.integers(1, 10**12), st.integers(1, 10**12), lines, rates, rates)
def test_the_null_point_is_on_the_line_and_between_the_guesses(
    n_c: int, n_s: int, line: tuple[float, float], theta_c: float, theta_s: float
) -> None:
    rho, delta = line
    found = null_point(n_c, n_s, theta_c, theta_s, rho, delta)
    on_line = rho * found + delta
    assume(rho > 0 and rho * theta_s + delta < 1)
    assert 0 <= found <= 1
    assert min(theta_c, rho * theta_s + delta) - 1e-9 <= on_line <= max(theta_c, rho * theta_s + delta) + 1e-9


@given(counts, rates, rates, lines)
def test_every_factor_of_sound_counts_is_finite(
    read: Counts, theta_c: float, theta_s: float, line: tuple[float, float]
) -> None:
    assume(line[0] * theta_s + line[1] < 1)
    value = log_factor(
        read.canary_requests, read.canary_bad, read.stable_requests, read.stable_bad, theta_c, theta_s, *line
    )
    assert math.isfinite(value)


@given(st.lists(st.tuples(counts, st.sampled_from([10, 100, 333])), max_size=8), st.integers(0, 8))
def test_a_rollout_continued_from_json_is_the_same(reads: list[tuple[Counts, int]], stop: int) -> None:
    whole = kept = begin(ONE_METRIC)
    for at, (read, weight) in enumerate(reads):
        if at == stop:
            kept = to_trial(json.loads(json.dumps(to_plain(kept, ONE_METRIC), allow_nan=False)), ONE_METRIC)
        whole, first = step(whole, read_of(read, weight), ONE_METRIC)
        kept, second = step(kept, read_of(read, weight), ONE_METRIC)
        assert first == second
        assert math.isfinite(first.harm)
        assert 0 <= first.bound <= 1
    assert whole == kept


@given(st.floats(0.1, 1e6), st.integers(1, 999), st.floats(0.001, 1), st.integers(0, 9), st.floats(0, 999))
def test_a_weight_never_falls_and_what_is_new_is_within_the_budget(
    traffic: float, weight: int, bound: float, reads: int, seconds: float
) -> None:
    for ramp in (Ramp(), Ramp(steps=(50, 100, 250, 500))):
        after = next_weight(ramp, weight, traffic, bound, reads, seconds)
        assert after >= weight
        assert after == weight or after / 1000 * traffic * ramp.reaction * bound <= ramp.budget * (1 + 1e-9)
        assert 1 <= first_weight(ramp, traffic) <= 50


@given(counts)
def test_an_interval_holds_its_estimate(read: Counts) -> None:
    found = ratio_interval(read)
    if found.point is not None and math.isfinite(found.point):
        assert found.low <= found.point * (1 + 1e-6)
        assert found.high >= found.point * (1 - 1e-6)


@given(st.floats(1e-6, 1e9), st.floats(0.0, 1.0))
def test_an_interval_of_a_rate_leaves_its_tails_on_both_sides(requests: float, share: float) -> None:
    bad = requests * share
    assume(min(bad, requests - bad) < 1e4)  # above, it is the normal approximation
    found = rate_interval(requests, bad)
    assert 0.0 <= found.low <= found.high <= 1.0
    if found.low > 1e-12 and bad:
        assert beta.cdf(found.low, bad, requests - bad + 1) == pytest.approx(0.025, rel=1e-4)
    if found.high < 1 - 1e-12 and bad < requests:
        assert beta.sf(found.high, bad + 1, requests - bad) == pytest.approx(0.025, rel=1e-4)
