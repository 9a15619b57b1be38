from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsplit.diagnostics import Finding
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    RestStrategy,
    Routing,
    Split,
    Strategy,
)
from meshsplit.rollout.apportion import apportion
from meshsplit.rollout.targets import decide_split

ROUTING = Routing(("*",), ("istio-system/gw",), RestStrategy.SINGLE_HOP, Endpoint("gw", 80))


def make_group(target: dict[str, int] | None, names: str = "ab", unready: str = "") -> Group:
    here = Endpoint("modelmesh-serving.ns.svc.cluster.local", 8008)
    members = tuple(
        Member(name, DeploymentMode.MODEL_MESH, name, here, here, ready=name not in unready) for name in names
    )
    return Group(GroupKey("ns", "g"), members, make_split(target) if target else None, ROUTING)


def make_split(weights: dict[str, int]) -> Split:
    return Split(tuple(sorted(weights.items())), sum(weights.values()))


def test_a_valid_target_without_strategy_is_applied_at_once() -> None:
    outcome = decide_split(make_group({"a": 60, "b": 40}), make_split({"a": 100, "b": 0}))
    assert outcome.split == make_split({"a": 60, "b": 40})
    assert outcome.findings == ()


def test_invalid_percentages_keep_what_serves() -> None:
    serving = make_split({"a": 80, "b": 20})
    assert decide_split(make_group(None), serving).split == serving


def test_invalid_percentages_of_a_new_group_give_no_routes() -> None:
    assert decide_split(make_group(None), None).split is None


def test_survivors_take_the_traffic_of_a_deleted_member_in_proportion_and_it_is_said() -> None:
    serving = make_split({"a": 30, "b": 10, "c": 60})
    outcome = decide_split(make_group(None), serving)
    assert outcome.split == make_split({"a": 75, "b": 25})
    assert [f.code for f in outcome.findings] == ["MSP109"]


def test_survivors_without_traffic_share_equally() -> None:
    outcome = decide_split(make_group(None), make_split({"a": 0, "b": 0, "c": 100}))
    assert outcome.split == make_split({"a": 50, "b": 50})


def test_a_refused_group_keeps_what_serves_and_a_withdrawn_one_loses_it() -> None:
    group, serving = make_group({"a": 60, "b": 40}), make_split({"a": 80, "b": 20})
    why = Finding("MSP203", "collision")
    assert decide_split(replace(group, refused=why), serving).split == serving
    assert decide_split(replace(group, withdrawn=why), serving).split is None


def test_an_unreadable_group_keeps_exactly_what_serves_also_a_member_it_does_not_know() -> None:
    serving = make_split({"a": 30, "b": 10, "c": 60})
    group = replace(make_group(None), refused=Finding("MSP007", "unreadable"), unreadable=True)
    outcome = decide_split(group, serving)
    assert outcome.split == serving
    assert outcome.findings == ()


def test_a_member_that_is_not_ready_is_not_raised_and_its_share_stays_where_the_traffic_is() -> None:
    outcome = decide_split(make_group({"a": 80, "b": 20}, unready="b"), make_split({"a": 100, "b": 0}))
    assert outcome.split == make_split({"a": 100, "b": 0})
    assert [f.code for f in outcome.findings] == ["MSP107"]


def test_a_member_that_is_not_ready_may_lose_traffic() -> None:
    outcome = decide_split(make_group({"a": 80, "b": 20}, unready="b"), make_split({"a": 50, "b": 50}))
    assert outcome.split == make_split({"a": 80, "b": 20})
    assert outcome.findings == ()


def test_a_new_group_serves_from_the_members_that_are_ready() -> None:
    outcome = decide_split(make_group({"a": 20, "b": 30, "c": 50}, "abc", unready="c"), None)
    assert outcome.split == make_split({"a": 40, "b": 60, "c": 0})


def test_a_new_group_with_nobody_ready_gets_its_target() -> None:
    outcome = decide_split(make_group({"a": 80, "b": 20}, unready="ab"), None)
    assert outcome.split == make_split({"a": 80, "b": 20})


def test_a_strategy_keeps_what_serves_until_there_is_evidence() -> None:
    group = replace(make_group({"a": 0, "b": 100}), strategy=Strategy.CANARY, stable_member="a")
    assert decide_split(group, make_split({"a": 90, "b": 10})).split == make_split({"a": 90, "b": 10})
    assert decide_split(group, None).split == make_split({"a": 100, "b": 0})
    assert decide_split(group, None, "target").split == make_split({"a": 0, "b": 100})


def test_a_strategy_without_a_stable_member_has_no_start() -> None:
    outcome = decide_split(replace(make_group({"a": 0, "b": 100}), strategy=Strategy.CANARY), None)
    assert outcome.split is None
    assert [f.code for f in outcome.findings] == ["MSP110"]


def test_largest_remainder_breaks_ties_by_name() -> None:
    assert apportion({"a": 1, "b": 1, "c": 1}) == make_split({"a": 34, "b": 33, "c": 33})
    assert apportion({"a": 999, "b": 1}, 1000) == make_split({"a": 999, "b": 1})


def test_nothing_can_be_apportioned_to_no_shares() -> None:
    with pytest.raises(ValueError, match="cannot be apportioned"):
        apportion({"a": 0})


SHARES = st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 100), min_size=1).filter(
    lambda shares: any(shares.values())
)


@given(SHARES, st.sampled_from([100, 1000]))
def test_apportioned_weights_are_within_one_of_their_quota(shares: dict[str, int], total: int) -> None:
    split = apportion(shares, total)
    whole = sum(shares.values())
    assert sum(weight for _, weight in split.weights) == total
    for name, weight in split.weights:
        assert abs(weight * whole - shares[name] * total) < whole


@given(st.data())
def test_no_unready_member_is_ever_raised_while_another_can_take_the_traffic(data: st.DataObject) -> None:
    names = "abcd"
    four = st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any)
    draw_split = four.map(lambda shares: apportion(dict(zip(names, shares, strict=True))))
    target, serving = data.draw(draw_split), data.draw(draw_split)
    unready = data.draw(st.sets(st.sampled_from(names)).map(lambda s: "".join(sorted(s))))
    group = replace(make_group({"a": 100}, names, unready), target=target)
    split = decide_split(group, serving).split
    assert split is not None
    raised = [n for n in unready if split.of(n) > serving.of(n)]
    assert not raised, f"{serving} -> {target} with {unready} not ready gave {split}"
