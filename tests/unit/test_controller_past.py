"""Stable's past before a rollout: asked for once, kept with the rollout, and never what it waits for."""

import json

from meshsplit.analysis.checkpoint import to_trial
from meshsplit.analysis.guess import Past
from meshsplit.analysis.past import StablePast
from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.policy import to_policy
from support.walks import Walk

ERRORS = "error-rate"
HOUR = Past(100_000.0, 500.0)
BURSTY = StablePast(HOUR, 0.02)


def begin(told: StablePast | None) -> Walk:
    """A canary at its first step; the source tells that of stable's past, or nothing."""
    walk = Walk()
    if told is not None:
        walk.source.pasts[ERRORS] = told
    walk.go()
    walk.tick_to(10)
    return walk


def past_of(walk: Walk) -> Past:
    measure = walk.state.measure
    assert measure is not None
    rules = to_policy(ModelSplitSpec(modelTag="mnist")).course.rules
    return to_trial(json.loads(measure.trial), rules).metrics[0][0].past


def test_the_past_of_stable_is_asked_for_once_and_what_was_read_since_is_added() -> None:
    walk = begin(StablePast(HOUR))
    (asked,) = walk.source.asked_for_past
    assert [(each.metric, [member.name for member in each.members]) for each in asked] == [
        (ERRORS, [walk.stable])
    ]
    # Between the two reads before the rollout stable served ten seconds' traffic.
    assert past_of(walk) == HOUR.after(1000.0, 0.0)
    walk.tick_until("Promoted")
    assert len(walk.source.asked_for_past) == 1


def test_without_a_past_the_rollout_begins_all_the_same() -> None:
    walk = begin(None)
    assert past_of(walk) == Past(1000.0, 0.0)
    assert len(walk.source.asked_for_past) == 1
    walk.tick_until("Promoted")


def test_bursts_of_the_past_discount_the_evidence_and_outlive_the_controller() -> None:
    surprised, warned = begin(StablePast(HOUR)), begin(BURSTY)
    for walk in (surprised, warned):
        walk.start()
        walk.failing |= {walk.stable: 0.01, walk.canary: 0.04}
        for _ in range(3):
            walk.tick()
    state = warned.state
    assert state.measure is not None
    assert dict(state.measure.bursts)[ERRORS] == 0.02
    harm = [walk.status["lastDecision"]["harm"] for walk in (surprised, warned)]
    assert float(harm[0]) > 2 * float(harm[1]), harm


def test_the_next_rollout_asks_anew() -> None:
    walk = begin(StablePast(HOUR))
    walk.tick_until("Promoted")
    walk.go(50, 50)
    walk.tick_until("Progressing")
    assert len(walk.source.asked_for_past) == 2
