"""Weights: what the bound on the excess allows, when a step is taken, and how a rollout ends."""

import numpy as np
import pytest

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.excess import MARGINS, Excess, narrow
from meshsplit.analysis.guess import Past
from meshsplit.analysis.ramp import Ramp, first_weight, next_weight
from meshsplit.analysis.rules import MetricRule, Rules
from meshsplit.analysis.trial import Read, begin
from meshsplit.analysis.walk import Act, Course, Walk, advance, set_out
from support.analysis import ERRORS, ONE_METRIC, expectation, factors, read_of

STEPS = Ramp(steps=(50, 100, 250, 500), interval=60.0)
KNOWN = {ERRORS: (Past(90_000, 900),)}


@pytest.mark.parametrize(("traffic", "weight"), [(1, 50), (13, 50), (50, 13), (500, 1), (1e6, 1)])
def test_the_first_weight_keeps_an_outage_within_the_budget(traffic: float, weight: int) -> None:
    assert first_weight(Ramp(), traffic) == weight


def test_users_steps_are_taken_in_order_once_affordable_and_not_before_their_interval() -> None:
    assert first_weight(STEPS, 50) == 50
    assert next_weight(STEPS, 50, 50, bound=0.01, reads=4, seconds=60) == 100
    assert next_weight(STEPS, 50, 50, bound=0.01, reads=4, seconds=59) == 50
    assert next_weight(STEPS, 50, 50, bound=0.01, reads=1, seconds=60) == 50
    assert next_weight(STEPS, 50, 50, bound=0.14, reads=4, seconds=60) == 50  # 0.14*0.1*50*30 = 21 > 20
    assert next_weight(STEPS, 500, 50, bound=0.001, reads=99, seconds=999) == 500


def test_the_ramp_triples_at_most_and_ends_at_a_third() -> None:
    assert next_weight(Ramp(), 10, 50, bound=0.001, reads=2, seconds=30) == 30
    assert next_weight(Ramp(), 200, 50, bound=0.001, reads=2, seconds=30) == 333
    assert next_weight(Ramp(), 10, 50, bound=0.7, reads=2, seconds=30) == 19  # 20/(50*30*0.7)
    assert next_weight(Ramp(), 100, 50, bound=0.7, reads=2, seconds=30) == 100  # never down


def test_a_budget_of_nothing_never_moves_on() -> None:
    ramp = Ramp(budget=0.0)
    assert first_weight(ramp, 50) == 1
    assert next_weight(ramp, 1, 50, bound=0.001, reads=99, seconds=999) == 1


def test_the_bound_falls_with_evidence_and_never_rises() -> None:
    excess, bounds = Excess(), []
    for counts in [Counts(100, 1, 900, 9)] * 40 + [Counts(100, 30, 900, 9)] * 3:
        excess = narrow(excess, counts, 0.01, 1.0)
        bounds.append(excess.bound)
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] < 0.2
    assert bounds[39] == 0.005
    assert len(excess.log_evidence) == len(MARGINS) - excess.rejected


@pytest.mark.parametrize("margin", [0.3, 0.05])
def test_each_margin_is_an_e_value_while_the_canary_fails_that_much_more(margin: float) -> None:
    values = np.exp(factors(12, 30, 0.05, 0.05, 1.0, margin))
    for p_s in (0.01, 0.05, 0.4):
        assert expectation(values, p_s + margin, p_s) <= 1 + 1e-9


def course_of(**changes: object) -> Course:
    return Course(**{"rules": ONE_METRIC, **changes})  # type: ignore[arg-type]


def run(
    course: Course, counts_at: dict[int, Counts], reads: int, traffic: float = 20.0
) -> list[tuple[Act, int]]:
    """Acts and weights of reads every 15 s; counts by weight, scaled from thousandths."""
    walk, moves = set_out(begin(course.rules, KNOWN), course, traffic), []
    for at in range(1, reads + 1):
        counts = counts_at.get(walk.weight, counts_at[0])
        walk, move = advance(walk, read_of(counts, walk.weight), course, traffic, 15.0 * at)
        moves.append((move.act, move.weight))
    return moves


def test_a_rollout_in_steps_from_start_to_promotion() -> None:
    moves = run(course_of(ramp=Ramp(steps=(100, 500))), {0: Counts(150, 1, 150, 1)}, 60)
    acts = [act for act, _ in moves]
    assert moves[1] == (Act.ADVANCE, 500)
    assert Act.PROMOTE in acts
    assert acts.index(Act.PROMOTE) > 2
    assert moves[acts.index(Act.PROMOTE)][1] == 1000


def test_a_fault_under_load_is_not_hidden_by_what_went_before() -> None:
    good, bad = Counts(150, 1, 150, 1), Counts(150, 30, 150, 1)
    moves = run(course_of(ramp=Ramp(steps=(100, 500), interval=600)), {0: good, 500: bad}, 60)
    acts = [act for act, _ in moves]
    assert Act.PROMOTE not in acts[: acts.index(Act.ROLLBACK)]
    assert acts.index(Act.ROLLBACK) - acts.index(Act.ADVANCE) <= 2


def test_the_deadline_makes_a_rollout_inconclusive() -> None:
    moves = run(course_of(deadline=60.0), {0: Counts(1, 0, 19, 0)}, 4)
    assert Act.INCONCLUSIVE not in [act for act, _ in moves[:-1]]
    assert moves[-1][0] is Act.INCONCLUSIVE


def test_too_long_on_one_weight_makes_it_inconclusive_too() -> None:
    course = course_of(max_hold=30.0, ramp=Ramp(steps=(100, 500), budget=0.1))
    assert run(course, {0: Counts(1, 0, 19, 0)}, 2)[-1][0] is Act.INCONCLUSIVE


def test_without_data_the_weight_is_held_and_the_read_does_not_count() -> None:
    course = course_of(ramp=Ramp(steps=(100, 500)))
    walk = set_out(begin(course.rules, KNOWN), course, 20.0)
    for at in range(1, 9):
        walk, move = advance(walk, Read(walk.weight, {}), course, 20.0, 15.0 * at)
        assert (move.act, move.weight) == (Act.HOLD, 100)
        assert move.verdict.blind
    assert walk.reads == 0


def test_a_read_from_before_the_last_step_is_judged_and_does_not_count_for_it() -> None:
    course = course_of(ramp=Ramp(steps=(100, 500)))
    walk = Walk(begin(course.rules, KNOWN), 500, since=30.0)
    late, _ = advance(walk, read_of(Counts(30, 0, 270, 3), 100), course, 20.0, 45.0)
    assert late.reads == 0
    assert late.trial.metrics[0][0].seen == Counts(30, 0, 270, 3)
    current, _ = advance(late, read_of(Counts(150, 1, 150, 1), 500), course, 20.0, 60.0)
    assert current.reads == 1


def test_two_gating_metrics_are_both_needed() -> None:
    rules = Rules((MetricRule("a"), MetricRule("b")))
    course = Course(rules, Ramp(steps=(500,)))
    walk = set_out(begin(rules), course, 20.0)
    acts = []
    for at in range(1, 61):
        counts = {"a": (Counts(150, 1, 150, 1),), "b": (Counts(150, 9, 150, 5),)}
        walk, move = advance(walk, Read(500, counts), course, 20.0, 15.0 * at)
        acts.append(move.act)
    assert Act.PROMOTE not in acts
