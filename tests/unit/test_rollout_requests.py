"""What persons ask for: each request once, for the rollout it names, or a refusal with a reason."""

import json

import pytest

from meshsplit.api.request import DETAILS, REQUEST
from meshsplit.rollout.requests import Request, Unreadable, Verb, to_request
from meshsplit.rollout.state import Act, Phase
from support.rollouts import Play, blue_green, canary, make_spec, split

TO_B = split(a=0, b=100)


@pytest.fixture
def play() -> Play:
    """A canary at its second step."""
    playing = Play(canary(), TO_B)
    playing.step()
    playing.read_until(100)
    return playing


def answer_of(play: Play) -> tuple[bool, str]:
    assert play.state.handled is not None
    return play.state.handled.accepted, play.state.handled.message


def test_promote_goes_to_the_end_at_once_and_says_who_wanted_it(play: Play) -> None:
    play.ask("promote", note="QA signed off")
    assert (play.state.serving, play.state.phase) == (TO_B, Phase.PROMOTED)
    record = play.state.history[-1]
    assert (record.act, record.by, record.note, record.good) == (Act.PROMOTE, "ann", "QA signed off", True)


def test_promote_step_goes_to_the_next_step(play: Play) -> None:
    play.ask("promote", step=True)
    assert play.weight == 250
    play.ask("promote", step=True)
    play.ask("promote", step=True)
    assert play.state.phase is Phase.PROMOTED


def test_promote_goes_to_the_whole_target_also_when_it_raises_two_members() -> None:
    play = Play(canary(), split(a=0, b=50, c=50), live=split(a=100, b=0, c=0), names="abc")
    play.step()
    play.ask("promote")
    assert play.state.serving == split(a=0, b=50, c=50)
    play.step(15)
    assert play.state.phase is Phase.PROMOTED


def test_retry_begins_anew_what_is_inconclusive() -> None:
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis={"deadline": "5m"}), TO_B)
    play.step()
    play.read_until(100)
    for _ in range(30):
        play.read_nothing()
    first, phases = play.state.id, [play.state.phase]
    play.ask("retry")
    assert play.weight == 50
    assert play.state.id != first
    phases.append(play.state.phase)
    play.read_through()
    assert [*phases, play.state.phase] == [Phase.INCONCLUSIVE, Phase.PROGRESSING, Phase.PROMOTED]


def test_promote_step_starts_a_rollout_that_waits() -> None:
    play = Play(canary(), TO_B)
    play.step(problem="no metrics", traffic=None)
    play.ask("promote", step=True)
    assert play.weight == 50


def test_a_request_is_done_once(play: Play) -> None:
    play.ask("promote", token="t1", step=True)
    for _ in range(3):
        play.ask("promote", token="t1", step=True)
    assert play.weight == 250


def test_a_request_for_another_rollout_is_refused(play: Play) -> None:
    play.ask("promote", rollout="0000")
    assert answer_of(play) == (False, f"promote is for rollout 0000, the last one is {play.state.id}")
    assert play.events[0] == "RequestRefused"
    assert play.weight == 100


def test_promote_has_to_name_the_rollout(play: Play) -> None:
    play.ask("promote", rollout="")
    assert answer_of(play) == (False, "promote does not say which rollout it is for")


def test_a_member_that_is_not_ready_is_not_promoted_to(play: Play) -> None:
    play.unready = "b"
    play.ask("promote")
    assert answer_of(play) == (False, "b is not Ready and may not get more traffic")
    assert play.weight == 100


def test_abort_goes_back_and_does_not_try_again_until_retried(play: Play) -> None:
    play.ask("abort")
    assert (play.state.serving, play.state.phase) == (split(a=100, b=0), Phase.ABORTED)
    for _ in range(5):
        play.step(15)
    assert play.weight == 0
    play.ask("retry")
    assert (play.weight, play.state.phase) == (50, Phase.PROGRESSING)


def test_pause_holds_the_step_and_goes_on_measuring(play: Play) -> None:
    play.ask("pause", note="incident 4711")
    for _ in range(40):
        play.read()
    assert (play.weight, play.state.waiting) == (100, "Paused")
    measure = play.state.measure
    assert measure is not None
    assert measure.reads >= 40
    play.ask("resume")
    play.read()
    assert play.weight == 250


def test_a_breach_rolls_back_what_is_paused(play: Play) -> None:
    play.ask("pause")
    for _ in range(10):
        play.read_bad(0.3)
    assert play.state.phase is Phase.ROLLED_BACK


def test_a_frozen_rollout_is_not_rolled_back_before_it_is_resumed(play: Play) -> None:
    play.ask("pause", freeze=True)
    for _ in range(20):
        play.read_bad(0.3)
    assert (play.weight, play.state.phase) == (100, Phase.PROGRESSING)
    play.ask("resume")
    play.read_bad(0.3)
    assert play.state.phase is Phase.ROLLED_BACK


def test_a_frozen_group_does_not_follow_its_target(play: Play) -> None:
    play.ask("pause", freeze=True)
    play.target = split(a=100, b=0)
    play.step(60)
    assert play.weight == 100


def test_the_time_of_a_pause_does_not_count_for_the_deadline() -> None:
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis={"deadline": "10m"}), TO_B)
    play.step()
    play.ask("pause")
    for _ in range(100):
        play.read()
    play.ask("resume")
    play.read()
    assert play.state.phase is Phase.PROGRESSING


def test_an_override_lasts_as_long_as_it_says(play: Play) -> None:
    play.ask("set-weight", split=split(a=70, b=30), seconds=600.0)
    assert play.weight == 300
    for _ in range(20):
        play.read()
    assert (play.weight, play.state.waiting) == (300, "Overridden")
    play.step(300)
    assert (play.weight, play.state.override) == (100, None)
    assert "OverrideExpired" in play.events
    play.read_through()
    assert play.state.phase is Phase.PROMOTED


def test_an_override_can_be_cleared(play: Play) -> None:
    play.ask("set-weight", split=split(a=70, b=30))
    play.ask("clear-weight")
    assert play.weight == 100
    play.ask("clear-weight")
    assert answer_of(play) == (False, "there is no override")


def test_harm_under_an_override_rolls_back_and_ends_it(play: Play) -> None:
    play.ask("set-weight", split=split(a=70, b=30))
    for _ in range(10):
        play.read_bad(0.3)
    assert (play.state.phase, play.state.override, play.weight) == (Phase.ROLLED_BACK, None, 0)


def test_an_override_for_a_stranger_or_an_unready_member_is_refused(play: Play) -> None:
    play.ask("set-weight", split=split(a=70, z=30))
    assert answer_of(play) == (False, "z are not members; there are a, b")
    play.unready = "b"
    play.ask("set-weight", split=split(a=70, b=30))
    assert answer_of(play) == (False, "b is not Ready and may not get more traffic")


def test_a_group_without_a_strategy_can_be_overridden_and_paused() -> None:
    play = Play(make_spec(), split(a=60, b=40))
    play.step()
    play.ask("set-weight", split=split(a=10, b=90))
    assert play.state.serving == split(a=10, b=90)
    play.ask("clear-weight")
    assert play.state.serving == split(a=60, b=40)
    play.ask("pause")
    play.target = split(a=50, b=50)
    play.step(60)
    assert play.state.serving == split(a=60, b=40)
    play.ask("resume")
    assert play.state.serving == split(a=50, b=50)


def test_rollback_goes_to_the_last_good_split_and_the_target_is_left(play: Play) -> None:
    play.read_through()
    play.ask("rollback")
    assert (play.state.serving, play.state.phase) == (split(a=100, b=0), Phase.ROLLED_BACK)
    for _ in range(5):
        play.step(15)
    assert play.state.serving == split(a=100, b=0)
    play.ask("rollback")
    assert answer_of(play) == (False, "the history has no good split to go back to")


def test_rollback_can_name_an_entry_of_the_history() -> None:
    play = Play(make_spec(), split(a=100, b=0))
    for target in (split(a=100, b=0), split(a=90, b=10), split(a=50, b=50)):
        play.target = target
        play.step(1)
    first = play.state.history[0].number
    play.ask("rollback", to=first)
    assert play.state.serving == split(a=100, b=0)
    play.step(60)
    assert play.state.serving == split(a=100, b=0)
    play.ask("rollback", to=99)
    assert answer_of(play)[0] is False


@pytest.mark.parametrize(
    ("verb", "refusal"),
    [
        ("promote", "there is no rollout to promote"),
        ("abort", "there is no rollout to abort"),
        ("retry", "no target is rejected, so there is nothing to retry"),
        ("resume", "it is not paused"),
        ("flip", "flip is for groups with a blueGreen strategy"),
        ("set-weight", "set-weight does not say which weights"),
        ("rollback", "the history has no good split to go back to"),
    ],
)
def test_what_is_not_legal_now_is_refused_with_the_reason(verb: str, refusal: str) -> None:
    play = Play(canary(), split(a=100, b=0))
    play.step()
    play.ask(verb)
    assert answer_of(play) == (False, refusal)


def test_requests_are_read_from_annotations() -> None:
    details = {"token": "x1", "by": "ann", "reason": "CHG-1", "weights": {"a": 80, "b": 20}, "lasts": "2h"}
    read = to_request({REQUEST: "set-weight/7f3a", DETAILS: json.dumps(details)})
    assert read == Request(
        Verb.SET_WEIGHT, "x1", "7f3a", "ann", "CHG-1", split=split(a=80, b=20), seconds=7200.0
    )
    assert to_request({REQUEST: "promote/7f3a"}) == Request(Verb.PROMOTE, "promote/7f3a", "7f3a")
    assert to_request({}) is None


@pytest.mark.parametrize(
    ("request_text", "details", "message"),
    [
        ("explode/7f3a", "{}", "explode/7f3a: want one of promote, "),
        ("pause", "{", "meshsplit.dev/request-details is no JSON: "),
        ("pause", "[]", "meshsplit.dev/request-details: "),
        ("pause", '{"frieze": true}', "meshsplit.dev/request-details: frieze is not a known field"),
        ("set-weight", '{"weights": {"a": 70, "b": 40}}', "weights add up to 110, want 100 (a=70, b=40)"),
    ],
)
def test_a_request_that_cannot_be_read_says_why(request_text: str, details: str, message: str) -> None:
    read = to_request({REQUEST: request_text, DETAILS: details})
    assert isinstance(read, Unreadable)
    assert read.message.startswith(message)


def test_an_unreadable_request_is_answered_once() -> None:
    play = Play(blue_green(), split(a=100, b=0))
    play.step(request=Unreadable("t", "weights add up to 110"))
    assert answer_of(play) == (False, "weights add up to 110")
    assert play.events == ["RequestRefused"]
    play.step(1, request=Unreadable("t", "weights add up to 110"))
    assert play.events == []
