"""The process over a whole rollout, exactly: no null gains on average, and Ville's bound holds."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.guess import LOG_SHARES, Past, guess_rises
from meshsplit.analysis.logs import log_sum
from meshsplit.analysis.rollback import (
    AT_WEIGHT_CHANGE,
    SPREAD,
    SPREAD_READS,
    WEIGHT_CHANGES,
    Harm,
    Wager,
    at_first_read,
    bet,
)
from meshsplit.analysis.rules import NO_WORSE, Line, Shape
from support.analysis import Floats, expectation, factors

ALMOST_ONE = 1.0 + 1e-9
N_C, N_S = 3, 4


@pytest.mark.parametrize("shape", list(Shape))
def test_the_shares_of_the_bet_add_up_to_one(shape: Shape) -> None:
    assert sum(map(math.exp, LOG_SHARES[shape])) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("changes", [0, 3, WEIGHT_CHANGES])
def test_the_start_masses_add_up_to_one(changes: int) -> None:
    assert at_first_read(changes) + AT_WEIGHT_CHANGE * changes + SPREAD == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("changes", [0, 3, WEIGHT_CHANGES, 99])
def test_all_money_is_staked_in_the_end_and_none_is_made_on_the_way(changes: int) -> None:
    # Counts that say nothing: every factor is 1, so evidence stays exactly at 1 whatever joins when.
    harm, nothing = Harm(), Counts(5, 0, 0, 0)
    for read in range(SPREAD_READS + 5):
        harm = bet(harm, nothing, Wager(0.01, NO_WORSE, moved=read % 20 == 0, changes=changes))
        assert harm.log_evidence(Shape.RATE) == pytest.approx(0.0, abs=1e-12)
    assert harm.changes == min(changes, WEIGHT_CHANGES)
    staked = log_sum([a + b for a, b in zip(LOG_SHARES[Shape.RATE], harm.log_wealth, strict=True)])
    assert staked == pytest.approx(0.0, abs=1e-12)


def value_of_stakes(line: Line, p_c: float, p_s: float, reads: int, phi: float) -> list[dict[int, Floats]]:
    """By dynamic programming: what 1 staked on each guess is worth at the end, by read and stable's past."""

    @cache
    def gains(bad: int, read: int) -> Floats:
        theta_s = Past(N_S * read, bad).guess()
        return np.array(
            [
                np.zeros((N_C + 1, N_S + 1))
                if guess is None
                else factors(N_C, N_S, guess, theta_s, line.ratio, line.add) / phi
                for guess in guess_rises(Shape.RATE, line, theta_s)
            ]
        )

    chances = np.outer(binom.pmf(np.arange(N_C + 1), N_C, p_c), binom.pmf(np.arange(N_S + 1), N_S, p_s))
    later = {bad: np.ones(len(LOG_SHARES[Shape.RATE])) for bad in range(N_S * reads + 1)}
    table = [later]
    for read in range(reads - 1, -1, -1):
        now = {}
        for bad in range(N_S * read + 1):
            after = np.array([later[bad + y] for y in range(N_S + 1)])
            now[bad] = np.einsum("xy,kxy,yk->k", chances, np.exp(gains(bad, read)), after)
        later = now
        table.insert(0, now)
    return table


@pytest.mark.parametrize("p_s", [0.002, 0.05, 0.3])
@pytest.mark.parametrize("line", [NO_WORSE, Line(1.25), Line(1.0, 0.05), Line(0.0, 0.1)], ids=str)
@pytest.mark.parametrize("phi", [1.0, 1.7])
def test_a_stake_on_any_guess_at_any_read_gains_nothing_under_any_null(
    p_s: float, line: Line, phi: float
) -> None:
    for p_c in (line.at(p_s), 0.5 * line.at(p_s)):
        table = value_of_stakes(line, p_c, p_s, reads=6, phi=phi)
        # Money joins whatever the past is; with shares and masses that add up to 1, E has mean at most 1.
        assert max(float(values.max()) for states in table for values in states.values()) <= ALMOST_ONE


def outcomes() -> list[Counts]:
    return [Counts(N_C, x, N_S, y) for x, y in itertools.product(range(N_C + 1), range(N_S + 1))]


def chance_of(counts: Counts, p_c: float, p_s: float) -> float:
    return float(binom.pmf(counts.canary_bad, N_C, p_c) * binom.pmf(counts.stable_bad, N_S, p_s))


def walk_all(p_c: float, p_s: float, reads: int, limit: float) -> tuple[float, float]:
    """The mean of E after reads with a weight change, and the chance that it reached `limit` on the way."""

    def go(harm: Harm, past: Past, read: int, crossed: bool) -> tuple[float, float]:
        evidence = math.exp(harm.log_evidence(Shape.RATE))
        crossed = crossed or evidence >= limit
        if read == reads:
            return evidence, float(crossed)
        mean = reached = 0.0
        for counts in outcomes():
            after = bet(harm, counts, Wager(past.guess(), NO_WORSE, moved=read == 1))
            below = go(after, past.after(N_S, counts.stable_bad), read + 1, crossed)
            chance = chance_of(counts, p_c, p_s)
            mean, reached = mean + chance * below[0], reached + chance * below[1]
        return mean, reached

    return go(Harm(), Past(), 0, crossed=False)


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_every_path_of_a_short_rollout_together_gains_nothing_and_crosses_rarely(rate: float) -> None:
    mean, reached = walk_all(rate, rate, reads=3, limit=4.0)
    assert mean <= ALMOST_ONE
    assert reached <= 1 / 4.0


def test_a_bad_canary_gains() -> None:
    assert walk_all(0.6, 0.05, reads=2, limit=100.0)[0] > 5.0


def test_the_table_and_the_process_are_the_same_thing() -> None:
    # One read from no past: E = cash + mass * Σ share * value of a stake.
    table = value_of_stakes(NO_WORSE, 0.4, 0.1, reads=1, phi=1.0)
    mass = at_first_read() + SPREAD / SPREAD_READS
    expected = 1 - mass + mass * float(np.exp(LOG_SHARES[Shape.RATE]) @ table[0][0])
    assert walk_all(0.4, 0.1, reads=1, limit=100.0)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("theta_s", [0.05, 0.3, 0.8, 0.95])
@pytest.mark.parametrize("shape", list(Shape))
def test_guesses_that_are_no_harm_are_left_out(theta_s: float, shape: Shape) -> None:
    for line in (NO_WORSE, Line(1.25), Line(2.0, 0.01)):
        for guess in guess_rises(shape, line, theta_s):
            assert guess is None or line.at(theta_s) < guess <= 0.95 + 1e-12 or shape is Shape.TAIL
            if guess is not None:
                values = np.exp(factors(5, 5, guess, theta_s, line.ratio, line.add))
                for p_s in (0.01, 0.2, 0.7):
                    if line.at(p_s) <= 1:
                        assert expectation(values, line.at(p_s), p_s) <= ALMOST_ONE
