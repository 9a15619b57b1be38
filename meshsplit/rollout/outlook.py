"""What is still missing for a verdict on a rollout under way, at the traffic and the errors seen so far."""

import json
from dataclasses import dataclass, replace

from meshsplit.analysis.checkpoint import CannotContinue, to_trial
from meshsplit.analysis.forecast import Conditions, Forecast, foresee_rest
from meshsplit.analysis.metric import EdgeTest
from meshsplit.analysis.planner import certify_seconds
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.rules import MetricRule, Shape
from meshsplit.analysis.trial import Trial
from meshsplit.analysis.walk import Act, Course, Walk
from meshsplit.rollout import measuring
from meshsplit.rollout.leg import Leg
from meshsplit.rollout.spec import RolloutSpec
from meshsplit.rollout.state import Measure, Phase, RolloutState

MOST_READS = 20_000
"""Reads that are played ahead at most, which takes about a second: three days of them by default."""


@dataclass(frozen=True, slots=True)
class Coming:
    """One way for it to go on: what the rollout comes to, and in how many seconds and canary requests.

    `step` are those to the next weight (thousandths), None where the verdict comes first.
    """

    act: Act
    seconds: float
    requests: float
    next_weight: int | None = None
    next_seconds: float = 0.0
    next_requests: float = 0.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """The rest of a rollout of `canary` beside `stable`, with `traffic` in requests/s of the group so far.

    `healthy`: the canary is as good as stable from now on; `failing`: it fails as often as it has so far,
    None where that is no more often than stable. `needed` are the seconds that showing safety takes at the
    last weight alone, infinite where it never can be shown. `by_hand` says that a person promotes it in the
    end. `unforeseen` is what else decides: metrics of another kind, gates, windows.
    """

    canary: str
    stable: str
    traffic: float
    healthy: Coming
    failing: Coming | None
    needed: float
    by_hand: bool = False
    unforeseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Untold:
    """Nothing can be foreseen, and why."""

    why: str


def find_outlook(state: RolloutState, spec: RolloutSpec) -> Outlook | Untold:
    """Play the rollout on from its last read; gates, windows and requests of people are not foreseen."""
    measure, leg = state.measure, state.leg
    why = _find_reason_against(state)
    if measure is None or leg is None or why:
        return Untold(why or "no rollout is under way")
    whole = measuring.make_course(spec, leg, measure)
    current = measuring.renew(measure, whole) or measure
    try:
        trial = to_trial(json.loads(current.trial), whole.rules)
    except (CannotContinue, ValueError):
        return Untold("its test cannot be read")
    course, trial, unforeseen = _leave_counted(whole, trial)
    if not trial.metrics:
        return Untold("only latency is judged, and what that will be is not known")
    return _look_ahead(leg, spec, course, trial, current, (*unforeseen, *_find_obstacles(spec)))


def _find_reason_against(state: RolloutState) -> str:
    """Why nothing can be foreseen from this state; "" where something can."""
    measure = state.measure
    if not state.active:
        return "no rollout is under way"
    if state.phase is Phase.AWAITING_PROMOTION:
        return "the evidence is in, a person has to promote it"
    if measure is None:
        return "nothing has moved yet"
    if state.waiting:
        return f"it waits ({state.waiting}), and its clock stands"
    if measure.read_at is None:
        return "nothing was read for this rollout yet"
    if measure.blind:
        return "the last read brought no evidence"
    return ""


def _leave_counted(course: Course, trial: Trial) -> tuple[Course, Trial, tuple[str, ...]]:
    """The course and its test with the metrics that count requests; the names of others that decide."""
    pairs = list(zip(course.rules.metrics, trial.metrics, strict=True))
    counted = [pair for pair in pairs if pair[0].shape is Shape.RATE]
    others = [rule.name for rule, _ in pairs if rule.shape is not Shape.RATE and not rule.dry_run]
    rules = replace(course.rules, metrics=tuple(rule for rule, _ in counted))
    tests = tuple(tests for _, tests in counted)
    return replace(course, rules=rules), replace(trial, metrics=tests), tuple(others)


def _look_ahead(
    leg: Leg, spec: RolloutSpec, course: Course, trial: Trial, measure: Measure, unforeseen: tuple[str, ...]
) -> Outlook | Untold:
    test = _find_deciding(course, trial)
    seen, read_seconds = test.seen, spec.policy.read_seconds
    seconds = (measure.read_at or 0.0) - measure.started_at - spec.policy.initial_delay
    if seconds <= 0.0 or seen.canary_requests <= 0.0:
        return Untold(f"no request to {leg.canary} was counted yet")
    if seen.stable_requests <= 0.0:
        return Untold(f"no request to {leg.stable} was counted yet, with which it is compared")
    if (course.deadline - measure.elapsed) / read_seconds > MOST_READS:
        return Untold("its deadline is too far away to foresee what comes until then")
    counted = (seen.canary_requests + seen.stable_requests) / seconds
    conditions = Conditions(counted / _find_share(leg, measure.weight), test.past.guess(), read_seconds)
    walk = Walk(trial, measure.weight, measure.since, measure.reads)

    def play(rate: float) -> Coming:
        rest = foresee_rest(walk, course, conditions, rate, measure.elapsed)
        return _to_coming(rest, measure.elapsed, conditions.traffic)

    rate = seen.canary_bad / seen.canary_requests
    needed = [certify_seconds(course, conditions, rule, course.ramp.last) for rule in _find_gating(course)]
    return Outlook(
        leg.canary,
        leg.stable,
        conditions.traffic,
        play(conditions.baseline),
        play(rate) if rate > seen.stable_bad / seen.stable_requests else None,
        max(needed, default=0.0),
        spec.policy.on_complete == "Hold",
        unforeseen,
    )


def _find_obstacles(spec: RolloutSpec) -> list[str]:
    """What may keep it from moving on, apart from evidence."""
    asked = spec.canary
    if asked is None:
        return []
    return [*(["gates"] if asked.gates else []), *(["windows"] if asked.windows else [])]


def _find_deciding(course: Course, trial: Trial) -> EdgeTest:
    """The test whose counts say how much traffic there is: the first that decides, else the first."""
    pairs = list(zip(course.rules.metrics, trial.metrics, strict=True))
    return next((tests[0] for rule, tests in pairs if not rule.dry_run), pairs[0][1][0])


def _find_share(leg: Leg, weight: int) -> float:
    """Which part of the traffic the canary and its stable member get together."""
    split = leg.at(weight)
    return (split.of(leg.canary) + split.of(leg.stable)) / split.total or 1.0


def _find_gating(course: Course) -> list[MetricRule]:
    return [rule for rule in course.rules.metrics if rule.safe is not None and not rule.dry_run]


def _to_coming(forecast: Forecast, now: float, traffic: float) -> Coming:
    seconds = forecast.seconds - now
    if len(forecast.stays) < 2:
        return Coming(forecast.act, seconds, forecast.requests)
    first, second = forecast.stays[:2]
    requests = first.seconds * traffic * first.weight / FULL_WEIGHT
    return Coming(forecast.act, seconds, forecast.requests, second.weight, first.seconds, requests)
