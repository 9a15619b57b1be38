"""The rules of others on the reads of a rollout: requests by their weights, failures at the rates read."""

from itertools import pairwise

import pytest

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.walk import Act
from meshsplit.simulation.peers import Counted, let_through
from meshsplit.simulation.play import LONGEST, Answer, Observed, Rule
from meshsplit.simulation.rules.argo import Argo, ArgoSettings
from meshsplit.simulation.rules.flagger import Flagger, FlaggerSettings

READ = 2.0
SICK = Counted(Counts(30, 3, 570, 0), 50, READ)
"""300 requests/s, of which the canary has 5 % and fails a tenth."""
LATE = [Counted(Counts(60, 0, 540, 0), 100, READ), Counted(Counts(180, 36, 420, 0), 300, READ)]
"""A canary that fails a fifth from 30 % on."""


class Holding:
    """A rule that never decides."""

    weight = 1000

    def observe(self, read: Observed, now: float) -> Answer:
        return Answer(Act.HOLD, self.weight)


def test_flagger_needs_five_failed_checks_and_a_tick() -> None:
    passed = let_through(Flagger(FlaggerSettings()), [SICK])
    assert (passed.act, passed.seconds) == (Act.ROLLBACK, 360.0)
    assert passed.canary_requests == pytest.approx(300 * 0.05 * 360)
    assert passed.failed == pytest.approx(300 * 0.05 * 360 * 0.1)


def test_argo_needs_four_failed_measurements_and_steps_on_meanwhile() -> None:
    passed = let_through(Argo(ArgoSettings()), [SICK])
    assert (passed.act, passed.seconds) == (Act.ROLLBACK, 1200.0)
    assert passed.failed == pytest.approx(300 * (0.2 + 0.4) * 600 * 0.1)


def test_a_fault_shows_from_the_weight_at_which_it_was_read() -> None:
    passed = let_through(Flagger(FlaggerSettings()), LATE)
    assert passed.act is Act.ROLLBACK
    # 5, 10, …, 25 % a minute each without a failure, then six minutes at 30 %.
    assert passed.seconds == 660.0
    assert passed.failed == pytest.approx(300 * 0.3 * 360 * 0.2)


def test_below_the_least_weight_that_was_read_its_rate_holds() -> None:
    (only,) = [each for each in LATE if each.weight == 300]
    passed = let_through(Flagger(FlaggerSettings()), [only])
    assert passed.seconds == 360.0
    assert passed.failed == pytest.approx(300 * 0.05 * 360 * 0.2)


def test_failures_of_stable_count_too() -> None:
    passed = let_through(Flagger(FlaggerSettings()), [Counted(Counts(0, 0, 100, 2), 0, READ)])
    assert passed.act is Act.PROMOTE
    assert passed.failed == pytest.approx(0.02 * (50 * passed.seconds - passed.canary_requests))


@pytest.mark.parametrize(
    ("rule", "seconds"), [(Flagger(FlaggerSettings()), 600.0), (Argo(ArgoSettings()), 2400.0)]
)
def test_a_good_version_is_promoted(rule: Rule, seconds: float) -> None:
    passed = let_through(rule, [Counted(Counts(60, 0, 540, 0), 100, READ)])
    assert (passed.act, passed.seconds, passed.failed) == (Act.PROMOTE, seconds, 0.0)


def test_a_rule_that_never_decides_is_left_after_a_day() -> None:
    reads = [Counted(Counts(1, 0, 1, 0), 10, 3600.0)]
    passed = let_through(Holding(), reads)
    assert (passed.act, passed.seconds, passed.canary_requests) == (Act.INCONCLUSIVE, LONGEST, 48)


def test_more_failures_of_the_canary_never_let_fewer_through_until_the_same_end() -> None:
    found = [
        let_through(Flagger(FlaggerSettings()), [Counted(Counts(30, bad, 570, 0), 50, READ)])
        for bad in (1, 3, 9)
    ]
    assert {each.seconds for each in found} == {360.0}
    assert all(one.failed < other.failed for one, other in pairwise(found))
