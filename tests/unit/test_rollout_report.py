"""What the status says of a rollout, and that the state comes back from it whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsplit.api.rolloutstatus import MAX_CHECKPOINT
from meshsplit.api.status import ModelSplitStatus
from meshsplit.rollout.engine import is_urgent
from meshsplit.rollout.report import Says, say_metrics, say_promoted, say_stalled, say_state, to_parts
from meshsplit.rollout.state import Phase, RolloutState
from meshsplit.rollout.storage import Unreadable, to_state, to_text
from support.rollouts import Play, blue_green, canary, make_spec, split

TO_B = split(a=0, b=100)


@pytest.fixture
def play() -> Play:
    """A canary at its second step, with one read there."""
    playing = Play(canary(), TO_B)
    playing.step()
    playing.read_until(100)
    playing.read()
    return playing


def written(play: Play) -> dict[str, object]:
    """The parts as JSON, as they stand in the object."""
    parts = to_parts(play.state, play.spec)
    body = json.loads(parts.model_dump_json(by_alias=True, exclude_none=True))
    assert isinstance(body, dict)
    return body


def test_the_rollout_says_its_step_and_when_it_is_looked_at_again(play: Play) -> None:
    assert written(play)["rollout"] == {
        "id": play.state.id,
        "state": "Progressing",
        "step": 2,
        "steps": 4,
        "startedAt": "2026-11-22T12:00:00Z",
        "failedChecks": 0,
        "nextCheckAt": "2026-11-22T12:01:00Z",
        "waiting": "",
    }


def test_the_last_decision_shows_its_evidence(play: Play) -> None:
    decision = written(play)["lastDecision"]
    assert isinstance(decision, dict)
    (evidence,) = decision["evidence"]
    assert (decision["action"], decision["reason"], decision["harmNeeded"]) == (
        *("Hold", "NotEnoughEvidence"),
        "100",
    )
    assert (evidence["member"], evidence["requests"], evidence["errors"]) == ("b", 360, 0)
    assert (evidence["stableRequests"], evidence["stableErrors"], evidence["stableValue"]) == (
        *(5040, 9),
        "0.18",
    )
    assert (evidence["value"], evidence["low"], evidence["confidence"]) == ("0.00", "0.00", "0.95")


def test_the_state_comes_back_from_the_status_whole(play: Play) -> None:
    text = json.dumps(written(play))
    status = ModelSplitStatus.model_validate_json(text)
    assert to_state(status.checkpoint) == play.state
    assert len(status.checkpoint) < MAX_CHECKPOINT / 10


def test_history_override_pause_rejection_and_answer_are_told(play: Play) -> None:
    play.ask("set-weight", split=split(a=70, b=30), seconds=600.0, note="try")
    body = written(play)
    assert body["override"] == {
        "weights": "a=70,b=30",
        "until": "2026-11-22T12:10:46Z",
        "by": "ann",
        "reason": "try",
    }
    assert isinstance(body["request"], dict)
    assert body["request"]["accepted"] is True
    play.ask("pause", freeze=True)
    pause = written(play)["pause"]
    assert isinstance(pause, dict)
    assert pause["freeze"] is True
    play.ask("abort")
    body = written(play)
    assert body["rejectedTarget"] == {
        "weights": "a=0,b=100",
        "reason": "Requested",
        "canary": "b",
        "revision": "1",
    }
    history = body["history"]
    assert isinstance(history, list)
    assert [entry["action"] for entry in history] == ["Adopt", "Start", "Advance", "Override", "Abort"]
    assert [entry["good"] for entry in history] == [True, False, False, False, True]
    assert history[-1]["weights"] == "a=100,b=0"


def test_the_words_of_every_state(play: Play) -> None:
    def words() -> tuple[str, str, str]:
        says = (say_state(play.state, play.spec), say_stalled(play.state), say_promoted(play.state))
        assert says[0].status == "True"
        return says[0].reason, f"{says[1].status} {says[1].reason}", f"{says[2].status} {says[2].reason}"

    assert words() == ("Progressing", "False NotStalled", "Unknown Progressing")
    play.ask("pause")
    assert words()[0] == "Paused"
    play.ask("set-weight", split=split(a=70, b=30))
    assert words()[0] == "Overridden"
    play.ask("abort")
    assert words() == ("RolledBack", "True RolledBack", "False Aborted")
    play.ask("retry")
    play.ask("promote")
    assert words() == ("Steady", "False NotStalled", "True Promoted")
    play.ask("rollback")
    assert words() == ("RolledBack", "True RolledBack", "False RolledBack")


def test_the_words_of_waiting_and_of_taking_too_long() -> None:
    play = Play(make_spec({"canary": {"stepWeights": [5, 10]}}, analysis={"deadline": "1m"}), TO_B)
    play.step(slot_free=False)
    play.step(slot_free=False)
    assert say_state(play.state, play.spec).reason == "Pending"
    play.step()
    for _ in range(5):
        play.read_nothing()
    assert say_state(play.state, play.spec).reason == "Inconclusive"
    assert say_stalled(play.state).reason == "Inconclusive"


def test_metrics_are_available_or_not_or_of_no_interest(play: Play) -> None:
    assert say_metrics(play.state, play.spec) == Says("True", "Answering", "360 requests in this rollout")
    play.read_nothing()
    told = say_metrics(play.state, play.spec)
    assert told is not None
    assert (told.status, told.reason, told.message) == ("False", "MetricsUnavailable", "error-rate: no data")
    assert say_metrics(RolloutState(), blue_green()) is None
    unread = say_metrics(RolloutState(), canary())
    assert unread is not None
    assert unread.status == "Unknown"


def test_a_flip_away_from_the_target_is_neither_promoted_nor_stalled() -> None:
    play = Play(blue_green(), split(a=100, b=0))
    play.step()
    play.ask("flip")
    assert say_promoted(play.state) == Says("Unknown", "Flipped")
    assert say_stalled(play.state).status == "False"
    kept = written(play)["kept"]
    assert isinstance(kept, dict)
    assert kept["member"] == "a"


def test_only_the_progress_of_a_test_may_wait(play: Play) -> None:
    before = play.state
    play.read(seconds=15)
    assert play.weight == 250
    assert is_urgent(before, play.state)
    before = play.state
    play.read()
    assert not is_urgent(before, play.state)
    before = play.state
    play.ask("pause")
    assert is_urgent(before, play.state)


def test_an_empty_state_says_little() -> None:
    parts = to_parts(RolloutState(), canary())
    assert (parts.rollout, parts.last_decision, parts.history) == (None, None, [])
    assert to_state(parts.checkpoint) == RolloutState()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"phase": "Nowhere"}', '{"serving": {"weights": [["a", 5]]}}']
)
def test_a_text_that_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        to_state(text)


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=40))
def test_numbers_and_texts_survive(at: float, text: str) -> None:
    clean = text.encode("utf-8", "ignore").decode()
    state = RolloutState(phase=Phase.PENDING, seen_at=at, cursor=clean)
    assert to_state(to_text(state)) == state
