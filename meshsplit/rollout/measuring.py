"""The measuring of a canary: the rules it is judged by, its test between passes, its clock."""

import hashlib
import json
from dataclasses import replace

from meshsplit.analysis.checkpoint import CannotContinue, to_plain, to_trial
from meshsplit.analysis.rules import Edge, MetricRule, Rules, Shape
from meshsplit.analysis.trial import Trial, begin
from meshsplit.analysis.walk import Course, Move, Walk, advance
from meshsplit.rollout.leg import Leg, make_ramp
from meshsplit.rollout.observation import Reading
from meshsplit.rollout.spec import RolloutSpec
from meshsplit.rollout.state import Measure, RolloutState
from meshsplit.rollout.turn import Turn

LONGEST_GAP = 120.0
"""Seconds between two passes beyond which nobody was there: twice the time between checkpoints."""
_MARK_DIGITS = 16


def tick(state: RolloutState, now: float) -> RolloutState:
    """The state at `now`: a rollout's clock goes on unless it waits, nobody was there, or time went back."""
    passed = 0.0 if state.seen_at is None else min(max(now - state.seen_at, 0.0), LONGEST_GAP)
    measure = state.measure
    if measure is not None and state.takes_slot and not state.waiting:
        state = replace(state, measure=replace(measure, elapsed=measure.elapsed + passed))
    return replace(state, seen_at=now)


def make_course(spec: RolloutSpec, leg: Leg, measure: Measure) -> Course:
    """The course of a rollout: the ramp cut to the leg, latency rules for the edges it began with."""
    course = spec.policy.course
    rules = _with_edges(spec, measure)
    return replace(course, rules=rules, ramp=make_ramp(leg, course.ramp))


def start(spec: RolloutSpec, turn: Turn, weight: int) -> Measure:
    """A measuring that begins with the canary at `weight` thousandths."""
    latency = {rule.name for rule in turn.seen.latency}
    edges = tuple(
        (rule.name, tuple((edge.name, edge.gates) for edge in rule.edges))
        for rule in sorted(turn.seen.latency, key=lambda rule: rule.name)
        if rule.name in latency & {wish.name for wish in spec.policy.latency}
    )
    bursts = tuple((name, icc) for name, icc in sorted(turn.seen.bursts.items()) if icc > 0)
    measure = Measure(weight, "", "", started_at=turn.now, edges=edges, bursts=bursts)
    rules = _with_edges(spec, measure)
    known = {
        rule.name: turn.seen.history[rule.name]
        for rule in rules.metrics
        if len(turn.seen.history.get(rule.name, ())) == len(rule.edges)
    }
    return _keep(measure, begin(rules, known), rules)


def judge(
    state: RolloutState, measure: Measure, course: Course, reading: Reading
) -> tuple[RolloutState, Move]:
    """Judge a read. The move is only proposed: the weight and its clock stay until it is made."""
    trial = to_trial(json.loads(measure.trial), course.rules)
    walk = Walk(trial, measure.weight, measure.since, measure.reads)
    read = replace(reading.read, icc=dict(measure.bursts))
    after, move = advance(walk, read, course, reading.traffic, measure.elapsed)
    here = reading.read.weight == measure.weight and not move.verdict.blind
    measure = replace(
        _keep(measure, after.trial, course.rules),
        reads=measure.reads + here,
        read_at=reading.at,
        blind=measure.blind + 1 if move.verdict.blind else 0,
    )
    return replace(state, measure=measure, cursor=reading.cursor), move


def renew(measure: Measure, course: Course) -> Measure | None:
    """A new test where the kept one is of other rules, since the analysis was edited; None where it goes on.

    The weight stays; evidence for a higher one has to be gathered again.
    """
    if measure.rules == _mark(course.rules):
        try:
            to_trial(json.loads(measure.trial), course.rules)
        except (CannotContinue, ValueError):
            pass
        else:
            return None
    return replace(_keep(measure, begin(course.rules), course.rules), since=measure.elapsed, reads=0)


def is_fresh(state: RolloutState, reading: Reading | None) -> bool:
    """Whether a read is of this rollout and goes on where the last one ended."""
    if reading is None or state.measure is None or reading.rollout != state.id:
        return False
    return reading.since == state.cursor != reading.cursor


def is_overdue(measure: Measure, course: Course) -> bool:
    """Whether the rollout, or its stay on one weight, has taken longer than it may."""
    return measure.elapsed >= course.deadline or measure.elapsed - measure.since >= course.max_hold


def _keep(measure: Measure, trial: Trial, rules: Rules) -> Measure:
    text = json.dumps(to_plain(trial, rules), allow_nan=False, separators=(",", ":"))
    return replace(measure, trial=text, rules=_mark(rules))


def _mark(rules: Rules) -> str:
    return hashlib.blake2b(repr(rules).encode()).hexdigest()[:_MARK_DIGITS]


def _with_edges(spec: RolloutSpec, measure: Measure) -> Rules:
    wishes = {wish.name: wish for wish in spec.policy.latency}
    rules = tuple(
        MetricRule(
            name,
            wishes[name].harm,
            wishes[name].safe,
            Shape.TAIL,
            tuple(Edge(*edge) for edge in edges),
            dry_run=wishes[name].dry_run,
        )
        for name, edges in measure.edges
        if name in wishes and edges
    )
    counted = spec.policy.course.rules
    return replace(counted, metrics=(*counted.metrics, *rules))
