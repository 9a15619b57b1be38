"""Groups without a strategy: the target at once, as far as members are ready."""

from meshsplit.rollout.state import Act, Phase
from support.rollouts import Play, make_spec, split


def make_play() -> Play:
    return Play(make_spec(), split(a=60, b=40), live=None)


def test_the_target_is_applied_at_once_and_again_when_it_changes() -> None:
    play = make_play()
    assert play.step().outcome.split == split(a=60, b=40)
    play.target = split(a=10, b=90)
    assert play.step(1).outcome.split == split(a=10, b=90)
    assert [record.act for record in play.state.history] == [Act.APPLY, Act.APPLY]
    assert play.state.phase is Phase.STEADY


def test_two_edits_with_an_invalid_sum_in_between_keep_the_last_valid_split() -> None:
    play = make_play()
    play.step()
    play.target = None
    assert play.step(1).outcome.split == split(a=60, b=40)
    play.target = split(a=80, b=20)
    assert play.step(1).outcome.split == split(a=80, b=20)


def test_a_member_that_is_not_ready_gets_its_share_later_and_it_is_recorded() -> None:
    play = Play(make_spec(), split(a=60, b=40), unready="b")
    done = play.step()
    assert done.outcome.split == split(a=100, b=0)
    assert [finding.code for finding in done.outcome.findings] == ["MSP107"]
    play.unready = ""
    assert play.step(1).outcome.split == split(a=60, b=40)
    assert play.state.last is not None
    assert play.state.last.act is Act.REBALANCE


def test_what_serves_is_taken_over_when_a_group_is_first_seen() -> None:
    play = Play(make_spec(), None, live=split(a=80, b=20))
    assert play.step().outcome.split == split(a=80, b=20)
    assert [record.act for record in play.state.history] == [Act.ADOPT]


def test_a_new_group_with_an_invalid_sum_has_no_split() -> None:
    play = Play(make_spec(), None, live=None)
    assert play.step().outcome.split is None


def test_a_suspended_group_keeps_what_serves() -> None:
    play = Play(make_spec(suspend=True), split(a=60, b=40))
    assert play.step().outcome.split == split(a=100, b=0)


def test_members_that_leave_give_their_traffic_to_the_others() -> None:
    play = Play(make_spec(), split(a=30, b=10, c=60), live=None, names="abc")
    play.step()
    play.names, play.target = "ab", None
    done = play.step(1)
    assert done.outcome.split == split(a=75, b=25)
    assert [finding.code for finding in done.outcome.findings] == ["MSP109"]
    assert play.state.last is not None
    assert play.state.last.act is Act.REBALANCE


def test_ten_members_are_split_as_asked() -> None:
    target = split(**dict.fromkeys("abcdefghij", 10))
    play = Play(make_spec(), target, live=None, names="abcdefghij")
    assert play.step().outcome.split == target
