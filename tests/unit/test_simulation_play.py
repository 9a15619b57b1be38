"""Played rollouts: chance is exact, seeds decide everything, lag and phases take effect, sums are right."""

import random

import numpy as np
import pytest
from scipy.stats import betabinom, binom, chisquare, poisson

from meshsplit.analysis.walk import Act, Course
from meshsplit.simulation.catalogue import NAMES, OURS, make_rule_maker
from meshsplit.simulation.chance import draw_binomial, draw_bursty, draw_poisson
from meshsplit.simulation.judged import judge_study
from meshsplit.simulation.play import Answer, Observed, Row, Run, play
from meshsplit.simulation.study import Summary, play_many, summarise
from meshsplit.simulation.world import Phase, World, draw_counts, draw_halves, rate_at

DRAWS = 20_000


def fit(draws: list[int], distribution: object) -> float:
    """The p-value of draws against a distribution of scipy, in bins of about equal chance."""
    edges = np.unique([int(distribution.ppf(q)) for q in np.linspace(0.03, 0.97, 20)])  # type: ignore[attr-defined]
    chances = np.diff(np.concatenate([[0.0], distribution.cdf(edges), [1.0]]))  # type: ignore[attr-defined]
    found = np.histogram(draws, bins=np.concatenate([[-1], edges, [10**12]]) + 0.5)[0]
    return float(chisquare(found, chances * len(draws)).pvalue)


@pytest.mark.parametrize("mean", [0.3, 4.0, 9.9, 10.1, 60.0, 7500.0])
def test_arrivals_are_poisson(mean: float) -> None:
    rng = random.Random(f"poisson {mean}")
    assert fit([draw_poisson(rng, mean) for _ in range(DRAWS)], poisson(mean)) > 1e-3


@pytest.mark.parametrize(
    ("n", "p"), [(5, 0.3), (75, 0.01), (750, 0.02), (1000, 0.0101), (2500, 0.7), (7500, 0.01)]
)
def test_failures_are_binomial(n: int, p: float) -> None:
    rng = random.Random(f"binomial {n} {p}")
    assert fit([draw_binomial(rng, n, p) for _ in range(DRAWS)], binom(n, p)) > 1e-3


def test_bursts_are_beta_binomial() -> None:
    rng = random.Random(1)
    draws = [draw_bursty(rng, 100, 0.1, 0.05) for _ in range(DRAWS)]
    assert fit(draws, betabinom(100, 0.1 * 19, 0.9 * 19)) > 1e-3


@pytest.mark.parametrize(("n", "p", "drawn"), [(0, 0.5, 0), (9, 0.0, 0), (9, 1.0, 9)])
def test_what_is_certain_is_not_drawn(n: int, p: float, drawn: int) -> None:
    rng = random.Random(1)
    assert draw_binomial(rng, n, p) == draw_bursty(rng, n, p, 0.1) == drawn
    assert draw_poisson(rng, 0.0) == 0


# Worlds


def test_the_last_phase_that_holds_counts() -> None:
    phases = (Phase(0.01), Phase(0.03, from_weight=250), Phase(0.5, after=600.0))
    assert rate_at(phases, 100, 0.0) == 0.01
    assert rate_at(phases, 250, 0.0) == 0.03
    assert rate_at(phases, 100, 600.0) == 0.5
    assert rate_at((Phase(0.03, from_weight=250),), 100, 0.0) == 0.0
    assert rate_at(phases, 0, -1800.0) == 0.01  # history


def test_drift_moves_both_members_alike() -> None:
    world = World(50, (Phase(0.01),), (Phase(0.02),), drift=0.5)
    for now in (0.0, 600.0, 900.0, 2700.0):
        canary, stable = world.rates(100, now)
        assert canary == pytest.approx(2 * stable)
    assert world.rates(100, 900.0)[1] == pytest.approx(0.015)


def test_counts_follow_the_weight_and_the_rates() -> None:
    world, rng = World(100, (Phase(0.02),), (Phase(0.1),)), random.Random(3)
    total = [draw_counts(world, rng, 250, 15.0) for _ in range(400)]
    assert sum(c.canary_requests for c in total) / 400 == pytest.approx(375, rel=0.02)
    assert sum(c.canary_bad for c in total) / 400 == pytest.approx(37.5, rel=0.05)
    assert sum(c.stable_bad for c in total) / 400 == pytest.approx(22.5, rel=0.05)
    halves = [draw_halves(world, rng, 15.0) for _ in range(400)]
    assert sum(h.requests_a for h in halves) / 400 == pytest.approx(750, rel=0.02)


class Script:
    """A rule that moves to a weight at its second read and ends at its fourth."""

    def __init__(self) -> None:
        self.weight = 100
        self.seen: list[Observed] = []

    def observe(self, read: Observed, now: float) -> Answer:
        self.seen.append(read)
        if len(self.seen) == 2:
            self.weight = 300
            return Answer(Act.ADVANCE, 300)
        return Answer(Act.PROMOTE if len(self.seen) == 4 else Act.HOLD, self.weight)


@pytest.mark.parametrize(("lag", "seconds", "weights"), [(0, 60, [100, 100, 300, 300]), (20, 90, [100] * 4)])
def test_lag_delays_what_a_rule_sees_and_not_what_happens(
    lag: float, seconds: float, weights: list[int]
) -> None:
    script = Script()
    run = play(World(50, (Phase(0.0),), (Phase(1.0),), lag=lag), script, random.Random(5))
    assert run.seconds == seconds
    assert [read.weight for read in script.seen] == weights
    assert [read.at for read in script.seen] == [15, 30, 45, 60]
    assert run.largest_weight == 300
    assert run.canary_failures == run.canary_requests == run.excess
    assert run.canary_requests >= sum(read.counts.canary_requests for read in script.seen)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_one_rollout_and_another_seed_another(name: str) -> None:
    world = World(50, (Phase(0.01),), (Phase(0.012),), icc=0.002)

    def once(seed: int) -> tuple[Run, list[Row]]:
        rng = random.Random(seed)
        rows: list[Row] = []
        run = play(world, make_rule_maker(name, Course())(world, rng), rng, rows.append)
        return run, rows

    assert once(1) == once(1)
    assert once(1)[0] != once(2)[0]


# Studies


def run_of(act: Act, seconds: float, requests: int = 100, failures: int = 5, excess: float = 4.0) -> Run:
    return Run(act, seconds, 100, requests, failures, excess, 1000)


def test_a_summary_has_shares_times_and_their_errors() -> None:
    runs = [run_of(Act.PROMOTE, 100)] * 6 + [run_of(Act.ROLLBACK, 40), run_of(Act.ROLLBACK, 60, 300)]
    found = summarise([*runs, run_of(Act.INCONCLUSIVE, 7200), run_of(Act.INCONCLUSIVE, 7200)])
    assert (found.promoted.value, found.rolled_back.value, found.undecided.value) == (0.6, 0.2, 0.2)
    assert found.promoted.error == pytest.approx((7 / 12 * 5 / 12 / 10) ** 0.5)
    assert found.seconds_to_rollback.value == 50
    assert found.seconds_to_rollback.error == pytest.approx(10)
    assert found.canary_requests.value == 120
    assert found.share == pytest.approx(0.12)


def test_none_of_many_is_not_called_certain() -> None:
    found = summarise([run_of(Act.PROMOTE, 100)] * 200)
    assert found.rolled_back.value == 0
    assert 0.003 < found.rolled_back.error < 0.01
    assert found.seconds_to_rollback.value is None


def test_a_study_says_what_counts_as_a_mistake_and_what_no_rule_can_beat() -> None:
    rules = Course().rules
    summary = summarise([run_of(Act.ROLLBACK, 60)])
    equal = judge_study("equal", summary, World(50, (Phase(0.01),), (Phase(0.01),)), rules, 100)
    assert (equal.false_rollback, equal.missed, equal.least_excess) == (True, False, None)
    twice = judge_study("twice", summary, World(50, (Phase(0.01),), (Phase(0.02),)), rules, 100)
    assert (twice.false_rollback, twice.missed, twice.guaranteed) == (False, True, False)
    assert twice.least_excess == pytest.approx(11.9, abs=0.05)
    bad = judge_study("bad", summary, World(50, (Phase(0.01),), (Phase(0.03),)), rules, 100)
    assert bad.guaranteed
    assert bad.least_requests is not None


def test_our_rule_keeps_its_promises_on_a_small_sample() -> None:
    # 300 rollouts: more than 9 false rollbacks at 1 %, or 27 misses at 5 %, is one case in a thousand.
    def study(canary: float) -> Summary:
        world = World(50, (Phase(0.01),), (Phase(canary),))
        chances = (random.Random(f"promise/{run}") for run in range(300))
        return summarise(play_many(world, make_rule_maker(OURS, Course()), chances))

    healthy, bad = study(0.01), study(0.022)
    assert healthy.rolled_back.value is not None
    assert bad.promoted.value is not None
    assert healthy.rolled_back.value <= 9 / 300
    assert bad.promoted.value <= 27 / 300
    assert healthy.promoted.value == pytest.approx(1.0 - healthy.rolled_back.value)
