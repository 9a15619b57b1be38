"""A recording judged by our rule: what it would have said, and when."""

from meshsplit.analysis.trial import Read, begin, step
from meshsplit.analysis.verdict import Decision
from meshsplit.analysis.walk import Act, Course
from meshsplit.simulation.play import Answer, Row
from meshsplit.simulation.replay import Recording, to_reads

_ACTS = {
    Decision.CONTINUE: Act.HOLD,
    Decision.ROLLBACK: Act.ROLLBACK,
    Decision.PROMOTE: Act.PROMOTE,
}
_UNKNOWN_WEIGHT = 1
"""Stands for the one weight of a recording that names none."""


def replay(
    recording: Recording, stable: str, canary: str, course: Course, weights: tuple[int, ...] | None = None
) -> tuple[tuple[Row, ...], Act]:
    """The reads of a recording with the verdict on each, up to the first that decides, and that act.

    The weights are those of the recording; promotion is decided at its largest, or the last of `weights`.
    Nothing was known before the recording, so the rule has no history.
    """
    reads = list(to_reads(recording, stable, canary, weights[-1] if weights else _UNKNOWN_WEIGHT))
    top = weights[-1] if weights else max((read.weight for read in reads), default=_UNKNOWN_WEIGHT)
    trial = begin(course.rules)
    rows = []
    for read in reads:
        seen = Read(
            read.weight, {rule.name: (read.counts,) for rule in course.rules.metrics}, read.weight >= top
        )
        trial, verdict = step(trial, seen, course.rules)
        act = _ACTS[verdict.decision]
        rows.append(Row(read.at, read, Answer(act, read.weight, verdict)))
        if act is not Act.HOLD:
            return tuple(rows), act
    return tuple(rows), Act.INCONCLUSIVE
