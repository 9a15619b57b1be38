"""The factor of one read: exact expectations, independent computations, and input that is out of bounds."""

import math
import random

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import betabinom, binom, poisson

from meshsplit.analysis.counts import Counts, find_problem
from meshsplit.analysis.evidence import log_factor, null_point
from meshsplit.analysis.metric import to_phi
from support.analysis import expectation, factors

NULLS = 400
ALMOST_ONE = 1.0 + 1e-9


def draw_rate(rng: random.Random) -> float:
    return min(max(rng.random() * rng.choice([1.0, 0.1, 0.01]), 1e-6), 1.0 - 1e-6)


def draw_line(rng: random.Random) -> tuple[float, float]:
    """Ratio margins, difference margins, both, and absolute limits."""
    return rng.choice([(1, 0), (1.25, 0), (2, 0), (0.5, 0), (1, 0.05), (1, 0.3), (2, 0.002), (0, 0.1)])


@pytest.mark.parametrize("seed", range(NULLS // 50))
@pytest.mark.parametrize("strictly_inside", [False, True], ids=["on the line", "behind the line"])
def test_no_null_gains_on_average(seed: int, strictly_inside: bool) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        n_c, n_s = rng.randint(1, 30), rng.randint(1, 50)
        rho, delta = draw_line(rng)
        theta_c, theta_s = draw_rate(rng), draw_rate(rng)
        p_s = draw_rate(rng) * (min(1.0, (1.0 - delta) / rho) if rho else 1.0)
        p_c = rho * p_s + delta
        rollback = theta_c > rho * theta_s + delta
        if strictly_inside:
            p_c = p_c * rng.random() if rollback else p_c + (1.0 - p_c) * rng.random()
        mean = expectation(np.exp(factors(n_c, n_s, theta_c, theta_s, rho, delta)), p_c, p_s)
        assert mean <= ALMOST_ONE, (n_c, n_s, rho, delta, theta_c, theta_s, p_c, p_s)


def test_the_bound_is_sharp_and_the_alternative_does_gain() -> None:
    values = np.exp(factors(20, 60, 0.3, 0.1, 1.0, 0.0))
    nearest = null_point(20, 60, 0.3, 0.1, 1.0, 0.0)
    assert expectation(values, nearest, nearest) == pytest.approx(1.0, abs=1e-9)
    assert expectation(values, 0.3, 0.1) > 5.0


def test_a_factor_on_the_wrong_side_is_no_e_value() -> None:
    # Why the processes leave out guesses that are no harm: a canary better than stable would gain here.
    values = np.exp(factors(30, 30, 0.05, 0.2, 1.0, 0.0))
    assert expectation(values, 0.01, 0.2) > 1.5


@pytest.mark.parametrize("icc", [0.002, 0.01, 0.05])
def test_a_tempered_factor_is_an_e_value_without_bursts_and_stays_near_one_with_them(icc: float) -> None:
    rng = random.Random(17)
    bursty, raw = [], []
    for _ in range(60):
        n_c, n_s, p = rng.randint(5, 40), rng.randint(5, 80), rng.choice([0.01, 0.05, 0.2])
        theta_s = p * rng.choice([0.7, 1.0, 1.4])
        logs = factors(n_c, n_s, min(theta_s * rng.choice([1.5, 2, 5]), 0.95), theta_s, 1.0, 0.0)
        tempered = np.exp(logs / to_phi(Counts(n_c, 0, n_s, 0), icc))
        assert expectation(tempered, p, p) <= ALMOST_ONE
        a, b = p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc
        chances = np.outer(
            betabinom.pmf(np.arange(n_c + 1), n_c, a, b), betabinom.pmf(np.arange(n_s + 1), n_s, a, b)
        )
        bursty.append(float((chances * tempered).sum()))
        raw.append(float((chances * np.exp(logs)).sum()))
    # Under bursts it is a quasi-likelihood: not below 1 for every null, but on average, and never by much.
    assert np.mean(bursty) < 1.0
    assert max(bursty) < 1.1
    assert max(raw) > max(bursty)


# Independent computations


def test_the_factor_is_a_ratio_of_scipys_likelihoods() -> None:
    rng = random.Random(3)
    for _ in range(200):
        n_c, n_s = rng.randint(1, 5000), rng.randint(1, 50_000)
        e_c, e_s = rng.randint(0, min(n_c, 60)), rng.randint(0, min(n_s, 60))
        theta_c, theta_s = draw_rate(rng), draw_rate(rng)
        rho, delta = draw_line(rng)
        if rho * theta_s + delta >= 1 and rho > 1:
            theta_s /= rho
        nearest = null_point(n_c, n_s, theta_c, theta_s, rho, delta)
        expected = (
            binom.logpmf(e_c, n_c, theta_c)
            - binom.logpmf(e_c, n_c, rho * nearest + delta)
            + binom.logpmf(e_s, n_s, theta_s)
            - binom.logpmf(e_s, n_s, nearest)
        )
        found = log_factor(n_c, e_c, n_s, e_s, theta_c, theta_s, rho, delta)
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-6)


def test_at_rare_errors_it_is_the_poisson_form() -> None:
    n_c, n_s, theta_s = 1e6, 9e6, 1e-6
    theta_c = 3e-6
    equal = (n_c * theta_c + n_s * theta_s) / (n_c + n_s)
    for e_c, e_s in ((0, 9), (3, 9), (12, 5)):
        expected = (
            poisson.logpmf(e_c, n_c * theta_c)
            - poisson.logpmf(e_c, n_c * equal)
            + poisson.logpmf(e_s, n_s * theta_s)
            - poisson.logpmf(e_s, n_s * equal)
        )
        found = log_factor(n_c, e_c, n_s, e_s, theta_c, theta_s, 1.0, 0.0)
        assert found == pytest.approx(expected, abs=1e-4)


def kl(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def test_the_null_point_is_where_the_divergence_is_least() -> None:
    rng = random.Random(5)
    for _ in range(300):
        n_c, n_s = rng.randint(1, 1000), rng.randint(1, 1000)
        theta_c, theta_s = draw_rate(rng), draw_rate(rng)
        rho, delta = draw_line(rng)
        highest = min(1.0, (1.0 - delta) / rho) if rho else 1.0
        if theta_s >= highest:
            continue

        def cost(
            x: float,
            n: tuple[int, int] = (n_c, n_s),
            theta: tuple[float, float] = (theta_c, theta_s),
            line: tuple[float, float] = (rho, delta),
        ) -> float:
            return n[0] * kl(theta[0], line[0] * x + line[1]) + n[1] * kl(theta[1], x)

        best = minimize_scalar(
            cost, bounds=(1e-12, highest - 1e-12), method="bounded", options={"xatol": 1e-13}
        )
        found = null_point(n_c, n_s, theta_c, theta_s, rho, delta)
        assert cost(found) <= best.fun + 1e-7 * (1 + abs(best.fun))


# Invariance


def test_splitting_a_read_changes_nothing_while_allocation_and_guesses_stay() -> None:
    whole = log_factor(100, 4, 300, 5, 0.04, 0.015, 1.0, 0.01)
    parts = log_factor(25, 3, 75, 1, 0.04, 0.015, 1.0, 0.01) + log_factor(
        75, 1, 225, 4, 0.04, 0.015, 1.0, 0.01
    )
    assert parts == pytest.approx(whole, abs=1e-9)


def test_splitting_a_bursty_read_never_weakens_evidence_for_the_same_outcome() -> None:
    # φ grows with the read, so two halves are divided by less than the whole is.
    half = log_factor(50, 4, 150, 3, 0.04, 0.015, 1.0, 0.0)
    whole = log_factor(100, 8, 300, 6, 0.04, 0.015, 1.0, 0.0)
    assert half > 0
    split = 2 * half / to_phi(Counts(50, 0, 150, 0), 0.01)
    assert split > whole / to_phi(Counts(100, 0, 300, 0), 0.01)


def test_members_that_served_nothing_are_no_evidence() -> None:
    assert log_factor(0, 0, 500, 50, 0.2, 0.1, 1.0, 0.0) == 0.0
    assert log_factor(500, 50, 0, 0, 0.2, 0.1, 1.0, 0.0) == 0.0


# Out of bounds


@pytest.mark.parametrize("n", [1.0, 1e3, 1e9, 1e12, 1e15])
@pytest.mark.parametrize("share", [0.0, 1e-6, 0.5, 1.0])
def test_any_number_of_requests_gives_a_finite_factor(n: float, share: float) -> None:
    for rho, delta in ((1.0, 0.0), (2.0, 0.002), (1.0, 0.7), (0.0, 0.05)):
        for theta_c, theta_s in ((0.01, 0.01), (0.95, 1e-9), (1e-9, 0.95)):
            if delta + rho * min(theta_s, 0.1) < 1:
                assert math.isfinite(log_factor(n, share * n, n, 0.0, theta_c, min(theta_s, 0.1), rho, delta))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(-1, 0, 5, 0), "negative"),
        (Counts(5, -2, 5, 0), "negative"),
        (Counts(5, 6, 5, 0), "canary has more bad events than requests"),
        (Counts(5, 0, 5, 9), "stable has more bad events than requests"),
        (Counts(math.nan, 0, 5, 0), "not a number"),
        (Counts(5, 0, math.inf, 0), "not a number"),
        (Counts(1e16, 0, 5, 0), "too large"),
    ],
)
def test_counts_that_are_none_are_named(counts: Counts, said: str) -> None:
    problem = find_problem(counts)
    assert problem is not None
    assert said in problem


def test_sound_counts_have_no_problem() -> None:
    assert find_problem(Counts(1e12, 1e12, 0, 0)) is None
