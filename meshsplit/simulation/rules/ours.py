"""Our rule, as the controller drives it."""

from collections.abc import Mapping

from meshsplit.analysis.guess import Past
from meshsplit.analysis.trial import Read, begin
from meshsplit.analysis.walk import Course, advance, set_out
from meshsplit.simulation.play import Answer, Observed


class Ours:
    """`analysis.walk` on the metric that is played; the course's other metrics see the same counts."""

    def __init__(self, course: Course, traffic: float, past: Past, icc: float = 0.0) -> None:
        names = [rule.name for rule in course.rules.metrics]
        self._course, self._traffic, self._names = course, traffic, names
        self._icc: Mapping[str, float] = dict.fromkeys(names, icc)
        self._walk = set_out(begin(course.rules, dict.fromkeys(names, (past,))), course, traffic)

    @property
    def weight(self) -> int:
        """The weight in force."""
        return self._walk.weight

    def observe(self, read: Observed, now: float) -> Answer:
        """Judge a read."""
        seen = Read(read.weight, dict.fromkeys(self._names, (read.counts,)), icc=self._icc)
        self._walk, move = advance(self._walk, seen, self._course, self._traffic, now)
        return Answer(move.act, move.weight, move.verdict)
