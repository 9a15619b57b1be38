"""Before a rollout begins: how long it takes, what a bad canary costs, what cannot be shown in time."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from meshsplit.analysis.bounds import information, least_requests
from meshsplit.analysis.counts import Counts
from meshsplit.analysis.forecast import Conditions, Forecast, foresee
from meshsplit.analysis.guess import RISES
from meshsplit.analysis.metric import to_phi
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.rollback import at_first_read
from meshsplit.analysis.rules import Line, MetricRule, Shape
from meshsplit.analysis.walk import Act, Course

FAULTS = (2.0, 10.0)
"""How many times as often as stable the canaries fail whose cost a plan states."""
BUDGET = "failureBudget"
"""The obstacle where no metric is one: the weight never gets to where promotion is decided."""
_WORST = 0.95
_LARGEST_WEIGHT = 500
"""A canary with half of the traffic: more of it leaves too little stable to compare with."""
_LARGEST_TRAFFIC = 1e6
_LARGEST_ADD = 0.5
_HALVINGS = 40
_SPREAD_BET = 0.6 * math.log(1.0 / (at_first_read() * dict(RISES)[2.0]))
"""What betting on several rises costs: 0.6 of what is lost by holding only the share on twice from the start,
since the neighbours win too (fitted to simulations)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a canary costs that fails `ratio` times as often as stable.

    `least_requests` is what any rule with the same error probability needs at the weight where it is noticed.
    """

    ratio: float
    rate: float
    course: Forecast
    least_requests: float

    excess: float

    @property
    def noticed(self) -> bool:
        """Whether it is rolled back before the deadline."""
        return self.course.act is Act.ROLLBACK


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change that would let safety be shown in time; `value` is None when none of its kind does.

    `add` in rate, `traffic` in requests/s, `weight` in thousandths, `deadline` in seconds.
    """

    kind: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Safety cannot be shown in time: the seconds it takes (infinite: never), and what would help."""

    metric: str
    seconds: float
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A healthy rollout's likely course, the cost of faults, and what stands in the way of a verdict."""

    conditions: Conditions
    healthy: Forecast
    faults: tuple[Fault, ...]
    obstacles: tuple[Obstacle, ...]


def make_plan(course: Course, conditions: Conditions) -> Plan:
    """The plan of a rollout under these conditions."""
    healthy = foresee(course, conditions, conditions.baseline)
    obstacles = _find_obstacles(course, conditions, healthy) if healthy.act is not Act.PROMOTE else ()
    faults = tuple(_make_fault(course, conditions, ratio) for ratio in FAULTS)
    return Plan(conditions, healthy, faults, obstacles)


def _make_fault(course: Course, conditions: Conditions, ratio: float) -> Fault:
    rate = min(ratio * conditions.baseline, _WORST)
    found = foresee(course, conditions, rate)
    rule = next(iter(_gating(course)), MetricRule("error-rate"))
    weight = found.weight / FULL_WEIGHT
    least = least_requests(weight, rate, conditions.baseline, rule.harm, course.rules.false_rollback_rate)
    excess = found.requests * (rate - conditions.baseline)
    return Fault(ratio, rate, found, least, excess)


def _gating(course: Course) -> list[MetricRule]:
    rules = course.rules.metrics
    return [rule for rule in rules if rule.safe and not rule.dry_run and rule.shape is Shape.RATE]


def certify_seconds(course: Course, conditions: Conditions, rule: MetricRule, weight: int) -> float:
    """Seconds at `weight` until a canary as good as stable is shown safe: ln(1/β)·φ/(R·I_P) + half a read."""
    share, safe = weight / FULL_WEIGHT, rule.safe
    if safe is None or safe.at(conditions.baseline) <= conditions.baseline:
        return math.inf
    gain = information(share, conditions.baseline, conditions.baseline, safe) * conditions.traffic
    needed = math.log(course.rules.safety_needed) * _phi(conditions, share)
    return needed / gain + conditions.read_seconds / 2 if gain > 0.0 else math.inf


def detect_seconds(
    course: Course, conditions: Conditions, rule: MetricRule, weight: int, rate: float
) -> float:
    """Seconds at `weight` until a canary that fails at `rate` is rolled back, on average."""
    share = weight / FULL_WEIGHT
    gain = information(share, rate, conditions.baseline, rule.harm) * conditions.traffic
    if gain <= 0.0 or rate <= rule.harm.at(conditions.baseline):
        return math.inf
    needed = (math.log(course.rules.harm_needed) + _SPREAD_BET) * _phi(conditions, share)
    return needed / gain + conditions.read_seconds / 2


def _phi(conditions: Conditions, share: float) -> float:
    requests = conditions.traffic * conditions.read_seconds
    return to_phi(Counts(requests * share, 0, requests * (1.0 - share), 0), conditions.icc)


def _find_obstacles(course: Course, conditions: Conditions, healthy: Forecast) -> tuple[Obstacle, ...]:
    """What stands in the way, metric by metric; the ramp is taken as it was foreseen."""
    if healthy.weight < course.ramp.last:
        return (Obstacle(BUDGET, math.inf, ()),)
    ramp = sum(stay.seconds for stay in healthy.stays if stay.weight < course.ramp.last)
    left = min(course.deadline - ramp, course.max_hold)
    found = []
    for rule in _gating(course):
        seconds = certify_seconds(course, conditions, rule, course.ramp.last)
        if seconds + conditions.read_seconds > left:
            remedies = _find_remedies(course, conditions, rule, left, ramp)
            found.append(Obstacle(rule.name, seconds + ramp, remedies))
    return tuple(found)


def _find_remedies(
    course: Course, conditions: Conditions, rule: MetricRule, left: float, ramp: float
) -> tuple[Remedy, ...]:
    """The least change of each kind that fits, all else unchanged."""
    safe, last = rule.safe or Line(), course.ramp.last

    def with_add(add: float) -> float:
        wider = replace(rule, safe=Line(safe.ratio, add))
        return certify_seconds(course, conditions, wider, last)

    def with_traffic(traffic: float) -> float:
        return certify_seconds(course, replace(conditions, traffic=traffic), rule, last)

    def with_weight(weight: float) -> float:
        return certify_seconds(course, conditions, rule, math.ceil(weight))

    takes = certify_seconds(course, conditions, rule, last) + ramp
    weight = _least(with_weight, last, _LARGEST_WEIGHT, left)
    return (
        Remedy("add", _least(with_add, safe.add, _LARGEST_ADD, left)),
        Remedy("traffic", _least(with_traffic, conditions.traffic, _LARGEST_TRAFFIC, left)),
        Remedy("weight", None if weight is None else float(math.ceil(weight))),
        Remedy("deadline", takes if math.isfinite(takes) else None),
    )


def _least(seconds: Callable[[float], float], low: float, high: float, limit: float) -> float | None:
    """The least value between low and high whose time is within the limit; time falls with the value."""
    if low >= high or seconds(high) > limit:
        return None
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if seconds(middle) <= limit else (middle, high)
    return high
