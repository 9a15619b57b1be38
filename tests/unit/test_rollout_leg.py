import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsplit.analysis.ramp import Ramp
from meshsplit.model import Split
from meshsplit.rollout.apportion import apportion
from meshsplit.rollout.leg import Leg, find_first, find_following, find_step, make_ramp, plan_leg
from meshsplit.rollout.splits import drop_lost, hold_back, is_same, to_split, to_thousandths
from support.rollouts import split

STEPS = Ramp(steps=(50, 100, 250, 500))
shares = st.lists(st.integers(0, 20), min_size=2, max_size=5).filter(any)


def make(numbers: list[int], total: int = 100) -> Split:
    return apportion({"abcde"[at]: number for at, number in enumerate(numbers)}, total)


def leg_to(target: Split, start: Split | None = None) -> Leg:
    leg = plan_leg(start or split(a=100, b=0), target, "a")
    assert leg is not None
    return leg


def test_the_straight_way_keeps_the_proportions_of_the_others() -> None:
    leg = leg_to(split(a=0, b=0, c=100), split(a=75, b=25, c=0))
    assert leg.at(200) == split(a=60, b=20, c=20)


def test_weights_that_are_no_whole_percent_are_thousandths() -> None:
    assert leg_to(split(a=0, b=100)).at(5) == Split((("a", 995), ("b", 5)), 1000)


def test_one_member_is_raised_at_a_time_from_those_that_fall() -> None:
    leg = leg_to(split(a=10, b=40, c=50), split(a=60, b=40, c=0))
    assert (leg.canary, leg.stable, leg.end) == ("c", "a", split(a=10, b=40, c=50))
    first = leg_to(split(a=0, b=30, c=70), split(a=100, b=0, c=0))
    assert (first.canary, first.end) == ("b", split(a=70, b=30, c=0))


def test_the_canary_is_compared_with_the_stable_member_else_with_the_heaviest() -> None:
    start, target = split(a=20, b=50, c=30), split(a=20, b=20, c=60)
    assert leg_to(target, start).stable == "a"
    other = plan_leg(start, target, None)
    assert other is not None
    assert other.stable == "b"
    raised = plan_leg(split(a=0, b=100), split(a=100, b=0), "a")
    assert raised is not None
    assert raised.stable == "b"


def test_there_is_no_way_between_equal_splits() -> None:
    assert plan_leg(split(a=50, b=50), Split((("a", 500), ("b", 500)), 1000), "a") is None


@pytest.mark.parametrize(
    ("start", "target", "steps"),
    [
        (0, 100, (50, 100, 250, 500)),
        (0, 60, (50, 100, 250, 500)),
        (0, 50, (50, 100, 250, 500)),
        (0, 20, (50, 100, 200)),
        (0, 3, (30,)),
        (10, 100, (100, 250, 500)),
        (30, 100, (300, 500)),
        (60, 100, (600,)),
    ],
)
def test_steps_are_cut_to_the_way(start: int, target: int, steps: tuple[int, ...]) -> None:
    leg = leg_to(split(a=100 - target, b=target), split(a=100 - start, b=start))
    assert make_ramp(leg, STEPS).steps == steps


def test_a_ramp_without_steps_ends_at_the_target_and_begins_where_the_canary_is() -> None:
    assert make_ramp(leg_to(split(a=80, b=20)), Ramp()).top == 200
    assert make_ramp(leg_to(split(a=0, b=100)), Ramp()).top == 333
    late = leg_to(split(a=0, b=100), split(a=40, b=60))
    assert make_ramp(late, Ramp()).top == 600
    assert find_first(late, make_ramp(late, Ramp()), 100.0) == 600


def test_following_steps() -> None:
    assert [find_following(STEPS, weight, 3) for weight in (10, 50, 300, 500)] == [50, 100, 500, None]
    assert [find_following(Ramp(), weight, 3) for weight in (10, 200, 333)] == [30, 333, None]
    assert [find_step(STEPS, weight) for weight in (10, 50, 260, 500)] == [0, 1, 3, 4]


@given(shares, shares, st.integers(0, 1000))
def test_every_split_on_the_way_adds_up_and_lies_between(
    start: list[int], target: list[int], weight: int
) -> None:
    begin, end = make(start), make([*target, 0, 0, 0][: len(start)] if any(target[: len(start)]) else start)
    leg = plan_leg(begin, end, "a")
    if leg is None:
        assert is_same(begin, end)
        return
    on_way = leg.at(weight)
    got, low, high = map(to_thousandths, (on_way, leg.start, leg.end))
    assert sum(got.values()) == 1000
    assert got.get(leg.canary, 0) == min(max(weight, leg.low), leg.high)
    for name in (set(low) | set(high)) - {leg.canary}:
        assert high.get(name, 0) - 1 <= got.get(name, 0) <= low.get(name, 0) + 1


@given(shares, shares)
def test_legs_lead_to_the_target_in_at_most_as_many_as_members(start: list[int], target: list[int]) -> None:
    size = max(len(start), len(target))
    begin, end = make(start + [0] * (size - len(start))), make(target + [0] * (size - len(target)))
    now, legs = begin, 0
    while (leg := plan_leg(now, end, None)) is not None:
        now, legs = leg.end, legs + 1
        assert legs < size
    assert is_same(now, end)


@given(shares, shares, st.sets(st.sampled_from("abcde")))
def test_nobody_who_is_not_ready_gets_more(wanted: list[int], has: list[int], unready: set[str]) -> None:
    size = max(len(wanted), len(has))
    asked, serving = make(wanted + [0] * (size - len(wanted))), make(has + [0] * (size - len(has)), 1000)
    given_split = to_thousandths(hold_back(asked, serving, unready))
    before = to_thousandths(serving)
    assert sum(given_split.values()) == 1000
    if not unready >= set("abcde"[:size]):
        for name in unready:
            assert given_split.get(name, 0) <= before.get(name, 0)


def test_what_is_lost_goes_to_those_that_are_left() -> None:
    assert drop_lost(split(a=30, b=10, c=60), "ab") == split(a=75, b=25)
    assert drop_lost(split(a=0, b=0, c=100), "ab") == split(a=50, b=50)
    assert drop_lost(split(a=100), "ab") == split(a=100, b=0)
    assert drop_lost(split(a=100), "") is None


def test_thousandths_and_percent_are_the_same_split() -> None:
    assert is_same(split(a=80, b=20), Split((("a", 800), ("b", 200)), 1000))
    assert not is_same(split(a=80, b=20), None)
    assert to_split({"a": 995, "b": 5}).total == 1000
    assert to_split({"a": 990, "b": 10}) == split(a=99, b=1)
