"""A rollout played on expected counts: the course that it is likely to take, from the same functions.

Each read delivers exactly what is expected of it, so evidence grows at its mean rate. Times are within about
15 % of the mean over simulated rollouts where both members' rates are a factor of two apart or equal.
"""

from dataclasses import dataclass

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.guess import Past
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.rules import MetricRule, Shape
from meshsplit.analysis.trial import Read, begin
from meshsplit.analysis.walk import Act, Course, Walk, advance, set_out

READ_SECONDS = 15.0
HISTORY_SECONDS = 1800.0
"""Stable's past that a rollout begins with."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a rollout meets: the group's requests/s, stable's rate of bad ones, seconds between reads, ICC."""

    traffic: float
    baseline: float
    read_seconds: float = READ_SECONDS
    icc: float = 0.0


@dataclass(frozen=True, slots=True)
class Stay:
    """The time at one weight (thousandths): when it began, how many seconds and reads it lasted."""

    weight: int
    began: float
    seconds: float
    reads: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """How it ends and when, the stays in order, and the canary's requests and failures until then."""

    act: Act
    seconds: float
    stays: tuple[Stay, ...]
    requests: float
    failures: float

    @property
    def weight(self) -> int:
        """The weight at the end."""
        return self.stays[-1].weight


def foresee(course: Course, conditions: Conditions, canary_rate: float) -> Forecast:
    """Play a rollout whose canary fails at `canary_rate`, until a verdict or the deadline.

    Only metrics of counts are played; all of them see the same rates.
    """
    history = _history(_counted(course), conditions)
    walk = set_out(begin(course.rules, history), course, conditions.traffic)
    return foresee_rest(walk, course, conditions, canary_rate)


def foresee_rest(
    walk: Walk, course: Course, conditions: Conditions, canary_rate: float, now: float = 0.0
) -> Forecast:
    """The same of a rollout under way, `now` seconds after its first weight was set.

    The times of the forecast are on that clock too; its requests and failures are those still to come.
    """
    interval, traffic, rules = conditions.read_seconds, conditions.traffic, _counted(course)
    stays, began, reads, requests = [], now, 0, 0.0
    act = Act.HOLD
    while act in {Act.HOLD, Act.ADVANCE}:
        weight, now, reads = walk.weight, now + interval, reads + 1
        counts = _expected(conditions, weight, canary_rate)
        requests += counts.canary_requests
        icc = {rule.name: conditions.icc for rule in rules}
        read = Read(weight, {rule.name: (counts,) * len(rule.edges) for rule in rules}, icc=icc)
        walk, move = advance(walk, read, course, traffic, now)
        act = move.act
        if act is not Act.HOLD:
            stays.append(Stay(weight, began, now - began, reads))
            began, reads = now, 0
    return Forecast(act, now, tuple(stays), requests, requests * canary_rate)


def _counted(course: Course) -> list[MetricRule]:
    return [rule for rule in course.rules.metrics if rule.shape is Shape.RATE]


def _history(rules: list[MetricRule], conditions: Conditions) -> dict[str, tuple[Past, ...]]:
    requests = conditions.traffic * HISTORY_SECONDS
    past = Past(requests, requests * conditions.baseline)
    return {rule.name: (past,) * len(rule.edges) for rule in rules}


def _expected(conditions: Conditions, weight: int, canary_rate: float) -> Counts:
    share = weight / FULL_WEIGHT
    requests = conditions.traffic * conditions.read_seconds
    canary, stable = requests * share, requests * (1.0 - share)
    return Counts(canary, canary * canary_rate, stable, stable * conditions.baseline)
