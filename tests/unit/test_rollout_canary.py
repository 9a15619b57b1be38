"""A canary: steps on evidence, rollback on harm, and everything that may be in its way."""

from dataclasses import replace

import pytest

from meshsplit.diagnostics import Finding
from meshsplit.rollout.engine import advance
from meshsplit.rollout.observation import Observation
from meshsplit.rollout.state import Act, Phase
from support.rollouts import Play, canary, good_counts, make_spec, split

TO_B = split(a=0, b=100)


def make_play(**fields: object) -> Play:
    return Play(canary(**fields), TO_B)


def test_a_new_target_starts_a_rollout_at_the_first_step() -> None:
    play = make_play()
    done = play.step()
    assert done.outcome.split == split(a=95, b=5)
    assert (play.state.phase, play.events) == (Phase.PROGRESSING, ["RolloutStarted"])


def test_a_healthy_canary_takes_every_step_in_order_and_is_promoted() -> None:
    play = make_play()
    play.step()
    seen = [play.weight]
    while play.state.active:
        play.read()
        seen += [play.weight] if play.weight != seen[-1] else []
    assert seen == [50, 100, 250, 500, 1000]
    assert play.state.phase is Phase.PROMOTED
    assert play.state.serving == TO_B


def test_a_bad_canary_is_rolled_back_and_the_target_is_not_tried_again() -> None:
    play = make_play()
    play.step()
    while play.state.active:
        play.read_bad(0.1)
    assert (play.state.phase, play.state.serving) == (Phase.ROLLED_BACK, split(a=100, b=0))
    assert play.events == ["RolloutRolledBack"]
    for _ in range(20):
        play.step(15)
    assert (play.state.phase, play.state.serving) == (Phase.ROLLED_BACK, split(a=100, b=0))


def test_a_different_target_starts_again_after_a_rollback() -> None:
    play = make_play()
    play.step()
    while play.state.active:
        play.read_bad(0.1)
    play.target = split(a=80, b=20)
    assert play.step(15).outcome.split == split(a=95, b=5)
    assert play.state.rejection is None


def test_a_new_revision_of_the_canary_is_tried_again_after_a_rollback() -> None:
    play = make_play()
    play.step()
    while play.state.active:
        play.read_bad(0.1)
    play.revisions = {"a": "1", "b": "2"}
    assert play.step(15).outcome.split == split(a=95, b=5)


def test_a_new_revision_under_way_goes_back_to_the_first_step() -> None:
    play = make_play()
    play.step()
    play.read_until(250)
    first = play.state.id
    play.revisions = {"a": "1", "b": "2"}
    play.step(1)
    assert (play.weight, play.events) == (50, ["WeightChanged", "RolloutStarted"])
    assert play.state.id != first
    assert [record.act for record in play.state.history][-2:] == [Act.RESTART, Act.START]


def test_a_revert_of_the_target_under_way_is_done_at_once() -> None:
    play = make_play()
    play.step()
    play.read_until(250)
    play.target = split(a=100, b=0)
    assert play.step(1).outcome.split == split(a=100, b=0)
    assert (play.state.phase, play.state.history[-1].act) == (Phase.STEADY, Act.REVERT)


def test_a_revert_to_an_earlier_good_target_is_done_at_once_unless_the_content_changed() -> None:
    play = make_play()
    play.step()
    play.read_through()
    changed = Play(play.spec, split(a=100, b=0), state=play.state, now=play.now)
    changed.revisions = {"a": "2", "b": "1"}
    play.target = split(a=100, b=0)
    assert play.step(1).outcome.split == split(a=100, b=0)
    assert changed.step(1).outcome.split == split(a=5, b=95)


def test_an_invalid_sum_in_between_holds_the_split_and_the_rollout_goes_on() -> None:
    play = make_play()
    play.step()
    play.read_until(100)
    play.target = None
    for _ in range(30):
        play.read()
    assert (play.weight, play.state.waiting) == (100, "Invalid")
    play.target = TO_B
    play.read_through()
    assert play.state.phase is Phase.PROMOTED


def test_harm_rolls_back_also_while_the_target_is_invalid() -> None:
    play = make_play()
    play.step()
    play.target = None
    for _ in range(10):
        play.read_bad(0.3)
    assert play.state.phase is Phase.ROLLED_BACK


def test_a_read_counts_once() -> None:
    play = make_play()
    play.step()
    play.read()
    reading = play.make_reading(good_counts(play.weight))
    play.step(15, reading=reading)
    before = play.state
    play.step(0, reading=reading)
    assert play.state == before


def test_a_read_of_another_rollout_does_not_count() -> None:
    play = make_play()
    play.step()
    reading = play.make_reading(good_counts(play.weight))
    play.revisions = {"a": "1", "b": "2"}
    play.step(1)
    measured = play.state.measure
    assert measured is not None
    play.step(14, reading=reading)
    assert play.state.measure is not None
    assert play.state.measure.reads == 0


def test_without_data_nothing_moves_and_nothing_is_rolled_back() -> None:
    play = make_play()
    play.step()
    for _ in range(60):
        play.read_nothing()
    assert (play.weight, play.state.phase) == (50, Phase.PROGRESSING)
    assert play.state.last is not None
    assert play.state.last.reason == "MetricsUnavailable"
    assert play.state.measure is not None
    assert play.state.measure.blind == 60


def test_missing_data_is_told_once() -> None:
    play = make_play()
    play.step()
    told = []
    for _ in range(20):
        play.read_nothing()
        told += play.events
    assert told == ["MetricsUnavailable"]


def test_a_rollout_does_not_start_before_metrics_answer() -> None:
    play = make_play()
    assert play.step(traffic=None, problem="connection refused").outcome.split == split(a=100, b=0)
    assert play.state.last is not None
    assert (play.state.last.reason, play.state.last.message) == ("MetricsUnavailable", "connection refused")
    assert play.step(15).outcome.split == split(a=95, b=5)


def test_a_group_without_traffic_starts_and_waits() -> None:
    play = make_play()
    play.step(traffic=0.0)
    for _ in range(10):
        play.step(15, reading=None)
    assert play.weight == 50


def test_a_canary_that_is_not_ready_does_not_start_and_does_not_rise() -> None:
    play = make_play()
    play.unready = "b"
    assert play.step().outcome.split == split(a=100, b=0)
    play.unready = ""
    play.step(1)
    play.unready = "b"
    for _ in range(30):
        play.read()
    assert play.weight == 50
    play.unready = ""
    play.read()
    assert play.weight == 100


def test_a_rollout_waits_for_a_slot() -> None:
    play = make_play()
    play.step(slot_free=False)
    assert (play.weight, play.state.waiting) == (0, "WaitingForSlot")
    assert not play.state.takes_slot
    play.step(1)
    assert (play.weight, play.state.takes_slot) == (50, True)


def test_the_global_stop_holds_steps_but_not_rollbacks() -> None:
    play = make_play()
    play.step()
    for _ in range(30):
        play.read(stopped=True)
    assert (play.weight, play.state.waiting) == (50, "Stopped")
    for _ in range(10):
        play.read_bad(0.3)
    assert play.state.phase is Phase.ROLLED_BACK


def test_a_suspended_group_starts_nothing_and_holds_its_step() -> None:
    suspended = make_spec({"canary": {"stepWeights": [5, 10]}}, suspend=True)
    play = Play(suspended, TO_B)
    play.step()
    assert (play.state.phase, play.weight) == (Phase.STEADY, 0)


def test_steps_are_taken_only_inside_a_window() -> None:
    play = make_play(windows=[{"schedule": "0 13 * * *", "duration": "1h"}])
    done = play.step()
    assert (play.weight, play.state.waiting) == (0, "WindowClosed")
    assert done.state.last is not None
    assert "2026-11-22T13:00:00Z" in done.state.last.message
    play.step(3600)
    assert play.weight == 50
    play.step(3600)
    for _ in range(30):
        play.read()
    assert (play.weight, play.state.waiting) == (50, "WindowClosed")


def test_a_step_lasts_at_least_its_interval() -> None:
    play = make_play(stepInterval="5m")
    play.step()
    for _ in range(19):
        play.read()
        assert play.weight == 50
    play.read()
    assert play.weight == 100


def test_the_deadline_makes_a_rollout_inconclusive_and_holds_it() -> None:
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis={"deadline": "5m"}), TO_B)
    play.step()
    told = []
    for _ in range(30):
        play.read_nothing()
        told += play.events
    assert (play.state.phase, play.weight) == (Phase.INCONCLUSIVE, 50)
    assert told.count("RolloutInconclusive") == 1


def test_the_deadline_comes_also_when_nothing_is_read_at_all() -> None:
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis={"deadline": "5m"}), TO_B)
    play.step()
    for _ in range(30):
        play.step(15)
    assert play.state.phase is Phase.INCONCLUSIVE


@pytest.mark.parametrize(("wish", "phase"), [("Rollback", Phase.ROLLED_BACK), ("Advance", Phase.PROMOTED)])
def test_what_happens_without_a_verdict_is_the_users_wish(wish: str, phase: Phase) -> None:
    analysis = {"deadline": "5m", "onInconclusive": wish}
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis=analysis), TO_B)
    play.step()
    for _ in range(40):
        play.read_nothing()
    assert play.state.phase is phase
    assert {record.reason for record in play.state.history[2:]} == {"Inconclusive"}


def test_time_in_which_nobody_was_there_does_not_count() -> None:
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis={"deadline": "5m"}), TO_B)
    play.step()
    play.read_nothing()
    play.read_nothing(seconds=86_400)
    assert play.state.phase is Phase.PROGRESSING


def test_a_clock_that_goes_back_is_survived() -> None:
    play = make_play()
    play.step()
    play.read_until(100)
    play.step(-7200)
    play.read_through()
    assert play.state.phase is Phase.PROMOTED


def test_a_target_below_the_last_step_is_judged_at_the_target() -> None:
    play = Play(canary(), split(a=80, b=20))
    play.step()
    seen = {play.weight}
    while play.state.active:
        play.read()
        seen.add(play.weight)
    assert seen == {50, 100, 200}
    assert play.state.phase is Phase.PROMOTED


def test_a_ramp_without_steps_follows_the_evidence() -> None:
    play = Play(make_spec({"canary": {}}), TO_B)
    play.step()
    assert play.weight == 5  # 20 failures in 30 s of 120 requests/s
    play.read_through()
    assert play.state.phase is Phase.PROMOTED


def test_a_target_that_raises_two_members_is_reached_one_after_the_other() -> None:
    play = Play(canary(), split(a=0, b=50, c=50), live=split(a=100, b=0, c=0), names="abc")
    play.revisions = {"a": "1", "b": "1", "c": "1"}
    play.step()
    assert play.state.leg is not None
    assert (play.state.leg.canary, play.state.leg.stable) == ("b", "a")
    play.read_through()
    assert play.state.serving == split(a=50, b=50, c=0)
    play.step(1)
    assert play.state.leg.canary == "c"
    assert play.state.serving == split(a=45, b=50, c=5)
    play.read_through()
    assert play.state.serving == split(a=0, b=50, c=50)


def test_on_complete_hold_waits_for_a_person() -> None:
    play = make_play(onComplete="Hold")
    play.step()
    for _ in range(200):
        play.read()
    assert (play.state.phase, play.weight) == (Phase.AWAITING_PROMOTION, 500)
    play.ask("promote")
    assert (play.state.phase, play.weight) == (Phase.PROMOTED, 1000)


def test_harm_rolls_back_while_a_person_is_waited_for() -> None:
    play = make_play(onComplete="Hold")
    play.step()
    for _ in range(200):
        play.read()
    for _ in range(10):
        play.read_bad(0.3)
    assert play.state.phase is Phase.ROLLED_BACK


def test_what_the_canary_does_at_first_does_not_count() -> None:
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis={"initialDelay": "1m"}), TO_B)
    play.step()
    for _ in range(3):
        play.read_bad(1.0)
    assert play.state.phase is Phase.PROGRESSING
    play.read()
    assert play.state.measure is not None
    assert play.state.measure.reads == 1


def test_an_edited_analysis_begins_a_new_test_at_the_same_weight() -> None:
    play = make_play()
    play.step()
    play.read_until(100)
    play.read()
    play.spec = make_spec(
        {"canary": {"stepWeights": [5, 10, 25, 50]}}, analysis={"falseRollbackRate": "0.001"}
    )
    play.step(1)
    assert play.state.measure is not None
    assert (play.weight, play.state.measure.reads) == (100, 0)
    play.read_through()
    assert play.state.phase is Phase.PROMOTED


def test_a_strategy_that_is_taken_away_applies_the_target() -> None:
    play = make_play()
    play.step()
    play.spec = make_spec()
    assert play.step(1).outcome.split == TO_B


def test_a_canary_that_leaves_ends_its_rollout_where_it_began() -> None:
    play = make_play()
    play.step()
    play.read_until(250)
    play.names, play.target = "a", split(a=100)
    assert play.step(1).outcome.split == split(a=100)
    assert play.state.phase is Phase.STEADY


def test_a_third_member_that_leaves_does_not_raise_the_canary() -> None:
    play = Play(canary(), split(a=30, b=60, c=10), live=split(a=90, b=0, c=10), names="abc")
    play.step()
    play.read_until(100)
    play.names, play.target = "ab", None
    assert play.step(1).outcome.split == split(a=100, b=0)


def test_an_unreadable_group_stays_as_it_is_and_a_withdrawn_one_has_no_split() -> None:
    play = make_play()
    play.step()
    group, why = play.group, Finding("MSP301", "no")
    held = advance(replace(group, unreadable=True), play.spec, play.state, Observation(), play.now)
    assert (held.state, held.outcome.split) == (play.state, play.state.serving)
    gone = advance(replace(group, withdrawn=why), play.spec, play.state, Observation(), play.now)
    assert gone.outcome.split is None
    assert gone.state.measure == play.state.measure
