"""Decisions as lines: which are new, which say the same again, and what evidence amounts to."""

from typing import Any

import pytest

from meshsplit.api.rolloutstatus import DecisionStatus
from meshsplit.cli.decisions import Decisions, to_line
from meshsplit.cli.ending import End, find_end
from meshsplit.cli.evidencetext import NOT_SURE, say_verdict
from meshsplit.cli.splits import LiveSplit, to_live_split
from meshsplit.rollout.state import Phase
from support.live import SINCE
from support.liverollouts import EVIDENCE, make_decision, make_rollout

MINUTE = "2026-01-01T00:01:00Z"
LATER = "2026-01-01T00:02:00Z"


def make_live(canary: int = 10, phase: Phase = Phase.PROGRESSING, **status: Any) -> LiveSplit:
    body = make_rollout(canary, phase=phase, **status)
    return to_live_split({**body, "metadata": {**body["metadata"], "generation": 1}})


def decided(action: str, time: str, **fields: Any) -> dict[str, Any]:
    return make_decision(action, fields.pop("reason", "Evidence"), time=time, **fields)


def entry(number: int, action: str, time: str) -> dict[str, Any]:
    weights = "mnist-v1=90,mnist-v2=10"
    return {"number": number, "time": time, "action": action, "reason": "Evidence", "weights": weights}


def test_a_state_that_was_seen_says_nothing_new() -> None:
    decisions = Decisions()
    assert len(list(decisions.take(make_live()))) == 1
    assert list(decisions.take(make_live())) == []


def test_a_hold_like_the_one_before_is_a_repetition_and_a_step_is_not() -> None:
    decisions = Decisions()
    states = [
        make_live(lastDecision=decided("Hold", SINCE)),
        make_live(lastDecision=decided("Hold", MINUTE, safety="2.5")),
        make_live(25, lastDecision=decided("Advance", LATER)),
        make_live(25, lastDecision=decided("Hold", LATER)),
        make_live(25, lastDecision=decided("Hold", LATER, reason="MetricsUnavailable")),
    ]
    told = [each.is_repeated for state in states for each in decisions.take(state)]
    assert told == [False, True, False, False, False]


def test_what_happened_between_two_looks_is_told_from_the_history() -> None:
    decisions = Decisions()
    list(decisions.take(make_live(history=[entry(1, "Start", SINCE)])))
    grown = [entry(1, "Start", SINCE), entry(2, "Advance", MINUTE), entry(3, "Advance", LATER)]
    told = list(decisions.take(make_live(25, history=grown, lastDecision=decided("Advance", LATER))))
    counted = "2/720 0.28% [0.03,1.00] stable=7/6480 ratio=2.571 harm=0.41/100 safety=1.2/20"
    assert [to_line(each) for each in told] == [
        f"{MINUTE} models/mnist ADVANCE  Evidence",
        f"{LATER} models/mnist step=2/4 weight=25 ADVANCE  {counted} Evidence",
    ]


def test_a_decision_of_a_person_rests_on_no_evidence() -> None:
    by_hand = {"time": SINCE, "action": "Pause", "reason": "Requested", "by": "jane"}
    (told,) = Decisions().take(make_live(lastDecision=by_hand))
    assert to_line(told) == f"{SINCE} models/mnist step=2/4 weight=10 PAUSE    Requested by=jane"


@pytest.mark.parametrize(
    ("harm", "safety", "verdict"),
    [
        ("0.4", "1.2", NOT_SURE),
        ("0.4", "20", "safe to promote"),
        ("1.5e+03", "0", "harmful"),
        ("", "", NOT_SURE),
    ],
)
def test_evidence_amounts_to_what_is_needed_or_not(harm: str, safety: str, verdict: str) -> None:
    body = make_decision(harm=harm, safety=safety, evidence=[EVIDENCE])
    assert say_verdict(DecisionStatus.model_validate(body)) == verdict


@pytest.mark.parametrize(
    ("phase", "end"),
    [
        (Phase.PROGRESSING, None),
        (Phase.PROMOTED, End.PROMOTED),
        (Phase.ROLLED_BACK, End.ROLLED_BACK),
        (Phase.ABORTED, End.ABORTED),
    ],
)
def test_a_rollout_has_ended_when_its_condition_says_so(phase: Phase, end: End | None) -> None:
    assert find_end(make_live(phase=phase)) is end


def test_a_condition_of_the_rollout_before_says_nothing_of_an_end() -> None:
    """As it is between the answer to `retry` and the conditions of the new rollout."""
    body = make_rollout(phase=Phase.ROLLED_BACK)
    pending = {**body["status"]["rollout"], "id": "other", "state": str(Phase.PENDING), "step": 0}
    retried = {**body, "status": {**body["status"], "rollout": pending}}
    assert find_end(to_live_split(retried)) is None


def test_a_status_behind_its_object_says_nothing_of_an_end() -> None:
    body = make_rollout(phase=Phase.PROMOTED)
    newer = {**body, "metadata": {**body["metadata"], "generation": 2}}
    assert find_end(to_live_split(newer)) is None
