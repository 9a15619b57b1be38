"""Plans: close to simulated rollouts, and honest about what cannot be shown."""

import random
from dataclasses import replace

import pytest

from meshsplit.analysis.forecast import Conditions, foresee
from meshsplit.analysis.planner import BUDGET, Obstacle, certify_seconds, detect_seconds, make_plan
from meshsplit.analysis.ramp import Ramp
from meshsplit.analysis.rules import NO_WORSE, STRICT_TWICE, TWICE, Line, MetricRule, Rules
from meshsplit.analysis.walk import Act, Course
from meshsplit.simulation.catalogue import OURS, make_rule_maker
from meshsplit.simulation.study import Summary, play_many, summarise
from meshsplit.simulation.world import Phase, World

STRICT = Course(Rules((MetricRule("error-rate", safe=STRICT_TWICE),)))
ERRORS = Course().rules.metrics[0]


def simulate(course: Course, conditions: Conditions, canary: float, runs: int = 150) -> Summary:
    world = World(conditions.traffic, (Phase(conditions.baseline),), (Phase(canary),))
    chances = (random.Random(f"plan/{run}") for run in range(runs))
    return summarise(play_many(world, make_rule_maker(OURS, course), chances))


@pytest.mark.parametrize("traffic", [50, 500])
def test_the_time_of_a_healthy_rollout_is_close_to_the_simulated_mean(traffic: float) -> None:
    conditions = Conditions(traffic, 0.01)
    plan = make_plan(Course(), conditions)
    found = simulate(Course(), conditions, 0.01).seconds_to_promote
    assert found.value is not None
    assert plan.healthy.act is Act.PROMOTE
    assert plan.healthy.seconds == pytest.approx(found.value, rel=0.15, abs=15 + 3 * found.error)


@pytest.mark.parametrize("traffic", [50, 500])
def test_the_time_and_cost_of_twice_the_errors_are_close_to_the_simulated_means(traffic: float) -> None:
    conditions = Conditions(traffic, 0.01)
    fault = make_plan(STRICT, conditions).faults[0]
    found = simulate(STRICT, conditions, 0.02)
    assert found.seconds_to_rollback.value is not None
    assert found.excess_failures.value is not None
    assert fault.noticed
    assert fault.course.seconds == pytest.approx(found.seconds_to_rollback.value, rel=0.15, abs=15)
    assert fault.excess == pytest.approx(found.excess_failures.value, rel=0.25)


def test_the_formula_for_detection_is_close_to_simulation_at_a_fixed_weight() -> None:
    conditions = Conditions(20, 0.01)
    course = Course(Rules((replace(ERRORS, safe=None),)), Ramp(steps=(333,)), deadline=1e9)
    found = simulate(course, conditions, 0.02).seconds_to_rollback
    assert found.value is not None
    assert detect_seconds(course, conditions, ERRORS, 333, 0.02) == pytest.approx(found.value, rel=0.15)


def test_bursty_errors_take_longer() -> None:
    clean, bursty = Conditions(50, 0.01), Conditions(50, 0.01, icc=0.01)
    assert foresee(Course(), bursty, 0.01).seconds > foresee(Course(), clean, 0.01).seconds
    assert certify_seconds(Course(), bursty, ERRORS, 333) > certify_seconds(Course(), clean, ERRORS, 333)


def test_ten_times_the_errors_are_noticed_sooner_and_cost_less() -> None:
    twice, tenfold = make_plan(Course(), Conditions(120, 0.002)).faults
    assert tenfold.course.seconds < twice.course.seconds
    assert tenfold.excess < twice.excess
    assert twice.course.requests > twice.least_requests


def test_little_traffic_and_rare_errors_cannot_be_certified_and_the_plan_says_what_would_help() -> None:
    conditions = Conditions(5, 0.001)
    plan = make_plan(STRICT, conditions)
    (obstacle,) = plan.obstacles
    assert obstacle.seconds == pytest.approx(177 * 60, rel=0.05)
    remedies = {each.kind: each.value for each in obstacle.remedies}
    add, traffic, deadline = remedies["add"], remedies["traffic"], remedies["deadline"]
    assert remedies["weight"] is None
    assert add is not None
    assert traffic is not None
    assert deadline is not None
    eased = Course(Rules((MetricRule("error-rate", safe=Line(2.0, 1.1 * add)),)))
    assert make_plan(eased, conditions).healthy.act is Act.PROMOTE
    assert make_plan(STRICT, replace(conditions, traffic=1.1 * traffic)).healthy.act is Act.PROMOTE
    assert make_plan(replace(STRICT, deadline=1.1 * deadline), conditions).healthy.act is Act.PROMOTE


def test_a_larger_last_weight_is_a_remedy_where_it_is_one() -> None:
    course = replace(STRICT, ramp=Ramp(steps=(50, 100)), deadline=1800.0)
    conditions = Conditions(5, 0.01)
    (obstacle,) = make_plan(course, conditions).obstacles
    weight = next(each.value for each in obstacle.remedies if each.kind == "weight")
    assert weight is not None
    assert 100 < weight <= 500
    eased = replace(course, ramp=Ramp(steps=(50, 100, int(1.2 * weight))))
    assert make_plan(eased, conditions).healthy.act is Act.PROMOTE


def test_a_margin_that_stable_itself_is_not_below_can_never_be_shown() -> None:
    course = Course(Rules((MetricRule("error-rate", safe=NO_WORSE),)))
    (obstacle,) = make_plan(course, Conditions(50, 0.01)).obstacles
    assert obstacle.seconds == float("inf")
    assert {each.kind: each.value for each in obstacle.remedies}["deadline"] is None


def test_a_budget_that_stops_the_ramp_is_what_stands_in_the_way() -> None:
    course = Course(ramp=Ramp(steps=(50, 300), budget=0.01))
    plan = make_plan(course, Conditions(50, 0.01))
    assert plan.healthy.act is Act.INCONCLUSIVE
    assert plan.obstacles == (Obstacle(BUDGET, float("inf"), ()),)


def test_a_baseline_without_errors_is_planned_too() -> None:
    plan = make_plan(Course(), Conditions(50, 0.0))
    assert plan.healthy.act is Act.PROMOTE
    assert TWICE.at(0.0) > 0
