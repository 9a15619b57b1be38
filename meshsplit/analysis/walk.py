"""A rollout's course: after each read, what to do with the weight.

`advance` joins the test (`trial.py`) with the ramp and the deadline. The caller passes in the time and
carries the action out; when it could not (a gate is closed, the object changed), it says so by the weight of
the next read, which is what counts.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from meshsplit.analysis.ramp import FULL_WEIGHT, Ramp, first_weight, next_weight
from meshsplit.analysis.rules import Rules
from meshsplit.analysis.trial import Read, Trial, step
from meshsplit.analysis.verdict import Decision, Verdict

DEADLINE = 7200.0
"""Seconds without a verdict after which a rollout is inconclusive."""


class Act(StrEnum):
    """What to do after a read."""

    HOLD = "Hold"
    ADVANCE = "Advance"
    """Raise the weight to the one given."""
    PROMOTE = "Promote"
    ROLLBACK = "Rollback"
    INCONCLUSIVE = "Inconclusive"
    """Deadline or longest hold has passed without a verdict; what then is the user's `onInconclusive`."""


_RULES, _RAMP = Rules(), Ramp()


@dataclass(frozen=True, slots=True)
class Course:
    """How a rollout is walked; `deadline` in seconds since its first weight was set, `max_hold`
    in seconds on one weight.
    """

    rules: Rules = _RULES
    ramp: Ramp = _RAMP
    deadline: float = DEADLINE
    max_hold: float = math.inf


@dataclass(frozen=True, slots=True)
class Walk:
    """A rollout under way: its test, the weight in force, and the time and reads since that was set."""

    trial: Trial
    weight: int
    since: float = 0.0
    reads: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """The action after a read, the weight it leads to (thousandths), and the verdict it rests on."""

    act: Act
    weight: int
    verdict: Verdict


def set_out(trial: Trial, course: Course, traffic: float) -> Walk:
    """A walk at its first weight; `traffic` is the group's requests/s."""
    return Walk(trial, first_weight(course.ramp, traffic))


def advance(walk: Walk, read: Read, course: Course, traffic: float, now: float) -> tuple[Walk, Move]:
    """Judge one read and decide; `now` in seconds since the first weight was set.

    A read from before the last change of weight is judged and does not count as one at this weight.
    """
    on_top = read.weight >= course.ramp.last
    trial, verdict = step(walk.trial, replace(read, top=on_top, changes=course.ramp.changes), course.rules)
    reads = walk.reads + (read.weight == walk.weight and not verdict.blind)
    walk = replace(walk, trial=trial, reads=reads)
    if verdict.decision is Decision.ROLLBACK:
        return walk, Move(Act.ROLLBACK, 0, verdict)
    if verdict.decision is Decision.PROMOTE:
        return walk, Move(Act.PROMOTE, FULL_WEIGHT, verdict)
    if now >= course.deadline or now - walk.since >= course.max_hold:
        return walk, Move(Act.INCONCLUSIVE, walk.weight, verdict)
    weight = next_weight(course.ramp, walk.weight, traffic, verdict.bound, reads, now - walk.since)
    if weight == walk.weight or verdict.blind or verdict.suspect:
        return walk, Move(Act.HOLD, walk.weight, verdict)
    return replace(walk, weight=weight, since=now, reads=0), Move(Act.ADVANCE, weight, verdict)
