"""The rules of others give the verdicts that their own documentation and tests state for the same input."""

from collections.abc import Callable, Sequence
from statistics import NormalDist

import pytest
from scipy.stats import mannwhitneyu

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.walk import Act
from meshsplit.simulation.play import Observed, Rule
from meshsplit.simulation.rules.argo import Argo, ArgoSettings
from meshsplit.simulation.rules.fixed_z import FixedZ, FixedZSettings, to_z
from meshsplit.simulation.rules.flagger import Flagger, FlaggerSettings
from meshsplit.simulation.rules.kayenta import (
    Classification,
    Kayenta,
    KayentaSettings,
    classify,
    standardised,
)

GOOD, BAD, SILENT = Counts(100, 0, 900, 0), Counts(100, 40, 900, 0), Counts(0, 0, 900, 0)
READ = 15.0


def drive(rule: Rule, counts: Callable[[float], Counts], seconds: float) -> list[tuple[float, Act, int]]:
    """Everything but holds, by time: the act and the weight in percent after it."""
    told: list[tuple[float, Act, int]] = []
    for at in range(1, int(seconds / READ) + 1):
        now = at * READ
        answer = rule.observe(Observed(counts(now), rule.weight, now), now)
        if answer.act is not Act.HOLD:
            told.append((now, answer.act, answer.weight // 10))
        if answer.act in {Act.PROMOTE, Act.ROLLBACK, Act.INCONCLUSIVE}:
            break
    return told


# Flagger: docs.flagger.app/usage/deployment-strategies


def test_flagger_promotes_after_interval_times_max_weight_by_step_weight() -> None:
    # "will run for 25 minutes": interval 1m, maxWeight 50, stepWeight 2.
    settings = FlaggerSettings(interval=60, threshold=10, max_weight=500, step_weight=20)
    told = drive(Flagger(settings), lambda _: GOOD, 3600)
    *advances, end = told
    assert [weight for _, _, weight in advances] == list(range(4, 51, 2))
    assert end == (25 * 60, Act.PROMOTE, 100)


def test_flagger_rolls_back_after_interval_times_threshold_on_the_next_tick() -> None:
    # "interval * threshold"; the failed checks reach the threshold then, and the tick after it rolls back.
    settings = FlaggerSettings(interval=60, threshold=10)
    assert drive(Flagger(settings), lambda _: BAD, 3600) == [(11 * 60, Act.ROLLBACK, 0)]


def test_flagger_follows_the_events_of_its_istio_tutorial() -> None:
    # Advance 5, 10, 15, then halts below 99 % until "failed checks threshold reached 10".
    settings = FlaggerSettings(interval=60, threshold=10, max_weight=500, step_weight=50)
    told = drive(Flagger(settings), lambda now: GOOD if now <= 120 else BAD, 3600)
    assert told == [(60, Act.ADVANCE, 10), (120, Act.ADVANCE, 15), (13 * 60, Act.ROLLBACK, 0)]


def test_flagger_counts_missing_data_as_failures_and_never_forgets_one() -> None:
    settings = FlaggerSettings(interval=60, threshold=2)
    told = drive(Flagger(settings), lambda now: SILENT if now <= 60 or 180 < now <= 240 else GOOD, 3600)
    assert told[-1] == (5 * 60, Act.ROLLBACK, 0)


# Argo Rollouts: argo-rollouts.readthedocs.io/en/stable/features/analysis, the first example


def test_argo_steps_by_twenty_every_ten_minutes_and_then_promotes() -> None:
    told = drive(Argo(ArgoSettings()), lambda _: GOOD, 3600)
    assert told == [
        (600, Act.ADVANCE, 40),
        (1200, Act.ADVANCE, 60),
        (1800, Act.ADVANCE, 80),
        (2400, Act.PROMOTE, 100),
    ]


@pytest.mark.parametrize(("errors", "outcome"), [(5, Act.PROMOTE), (6, Act.ROLLBACK)])
def test_argo_fails_a_measurement_below_ninety_five_percent(errors: int, outcome: Act) -> None:
    told = drive(Argo(ArgoSettings()), lambda _: Counts(100, errors, 900, 0), 3600)
    assert told[-1][1] is outcome


def test_argo_allows_as_many_failures_as_the_limit_and_aborts_at_one_more() -> None:
    # API reference: "FailureLimit is the maximum number of times the measurement is allowed to fail".
    settings = ArgoSettings(interval=60, failure_limit=3)
    assert drive(Argo(settings), lambda now: BAD if now <= 180 else GOOD, 3600)[-1][1] is Act.PROMOTE
    assert drive(Argo(settings), lambda now: BAD if now <= 240 else GOOD, 3600) == [(240, Act.ROLLBACK, 0)]


def test_argo_waits_for_the_starting_step() -> None:
    # "Delay starting the analysis run until step 3 (Set Weight 40%)": failures before do not count.
    settings = ArgoSettings(starting_step=1, interval=60)
    told = drive(Argo(settings), lambda now: BAD if now <= 600 else GOOD, 3600)
    assert told[-1][1] is Act.PROMOTE


@pytest.mark.parametrize(("silent_minutes", "outcome"), [(4, Act.PROMOTE), (5, Act.ROLLBACK)])
def test_argo_aborts_at_five_errors_in_a_row(silent_minutes: int, outcome: Act) -> None:
    settings = ArgoSettings(interval=60)
    told = drive(Argo(settings), lambda now: SILENT if now <= 60 * silent_minutes else GOOD, 3600)
    assert told[-1][1] is outcome


# Kayenta: its judge's own tests compare 30 values around 10 with 30 around 10, 20 or the other way round


def around(mean: float, spread: float = 2.0) -> list[float]:
    """Thirty values as a normal distribution's quantiles, in no particular order."""
    quantiles = [NormalDist(mean, spread).inv_cdf((at + 0.5) / 30) for at in range(30)]
    return quantiles[::3] + quantiles[1::3] + quantiles[2::3]


@pytest.mark.parametrize(
    ("canary", "baseline", "verdict"),
    [
        (around(9.7), around(9.5, 2.1), Classification.PASS),
        (around(20.2), around(9.5), Classification.HIGH),
        (around(9.7), around(20.1), Classification.LOW),
        ([], around(9.5), Classification.NO_DATA),
        (around(9.5), [], Classification.NO_DATA),
        (around(9.5), around(9.5), Classification.PASS),
        ([0.0] * 30, [0.0] * 30, Classification.PASS),
    ],
)
def test_kayenta_classifies_as_its_suite_says(
    canary: Sequence[float], baseline: Sequence[float], verdict: Classification
) -> None:
    assert classify(canary, baseline, confidence=0.95, tolerance=0.10) is verdict


def test_kayentas_statistic_is_scipys_with_its_corrections() -> None:
    x, y = [1.0, 2.0, 2.0, 5.0, 9.0, 9.5], [0.5, 2.0, 2.5, 3.0, 4.0]
    p = mannwhitneyu(x, y, use_continuity=True, method="asymptotic").pvalue
    assert 2 * (1 - NormalDist().cdf(abs(standardised(x, y, 0.0)))) == pytest.approx(p, rel=1e-9)


def test_kayenta_judges_once_at_the_end_of_its_period() -> None:
    assert drive(Kayenta(KayentaSettings()), lambda _: BAD, 7200) == [(3600, Act.ROLLBACK, 0)]
    assert drive(Kayenta(KayentaSettings()), lambda _: GOOD, 7200) == [(3600, Act.PROMOTE, 100)]
    assert drive(Kayenta(KayentaSettings()), lambda _: SILENT, 7200)[0][1] is Act.INCONCLUSIVE


# The naive test


def test_the_naive_test_is_the_pooled_z_statistic() -> None:
    # Two proportions 0.05 of 400 and 0.02 of 1600: pooled 0.026.
    counts = Counts(400, 20, 1600, 32)
    pooled = 52 / 2000
    assert to_z(counts) == pytest.approx(0.03 / (pooled * (1 - pooled) * (1 / 400 + 1 / 1600)) ** 0.5)
    assert to_z(SILENT) == 0.0
    assert drive(FixedZ(FixedZSettings()), lambda _: BAD, 3600) == [(15, Act.ROLLBACK, 0)]
    assert drive(FixedZ(FixedZSettings()), lambda _: GOOD, 3600) == [(1800, Act.PROMOTE, 100)]
