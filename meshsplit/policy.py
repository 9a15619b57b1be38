"""What a ModelSplit's strategy and analysis ask of the decision rule, with defaults for the rest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from meshsplit.analysis.forecast import READ_SECONDS
from meshsplit.analysis.latency import TAIL_TOLERANCE
from meshsplit.analysis.ramp import FAILURE_BUDGET, FULL_WEIGHT, Ramp
from meshsplit.analysis.rules import FALSE_ROLLBACK_RATE, MISS_RATE, NO_WORSE, TWICE, Line, MetricRule, Rules
from meshsplit.analysis.walk import DEADLINE, Course
from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.api.strategy import Analysis, Canary, Margin, Metric
from meshsplit.model import FULL

LATENCY = "latency"
"""The built-in metric that is judged on histogram edges."""
ERROR_RATE = Metric(name="error-rate", tolerance=Margin())
"""What is judged where nothing that counts failures is listed: how far a weight may go depends on them."""
LIMIT = "limit"
"""What the rule of a metric's absolute limit is called, after the metric's own name."""
PUSH_SECONDS = 15.0
"""From a decision to traffic moved: the query and the push to the gateways. With a read it is τ."""
LARGEST_STEP_WEIGHT = 50
"""Where steps by `stepWeight` end without a `maxWeight`, in percent."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_TERM = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")


@dataclass(frozen=True, slots=True)
class LatencyWish:
    """A latency metric, whose rule needs the edges of stable's histogram (`analysis.latency`)."""

    name: str
    harm: Line
    safe: Line
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """The course of a rollout, its latency metrics, seconds between reads, what the user wants at the end."""

    course: Course
    latency: tuple[LatencyWish, ...] = ()
    read_seconds: float = READ_SECONDS
    initial_delay: float = 0.0
    on_inconclusive: Literal["Hold", "Rollback", "Advance"] = "Hold"
    on_complete: Literal["Promote", "Hold"] = "Promote"


def to_policy(spec: ModelSplitSpec) -> Policy:
    """The policy of a ModelSplit that passed its checks; everything it leaves out has its default."""
    canary = (spec.strategy and spec.strategy.canary) or Canary()
    analysis = spec.analysis or Analysis()
    read_seconds = to_seconds(analysis.interval) or READ_SECONDS
    counted = [metric for metric in analysis.metrics if metric.name != LATENCY]
    latency = [metric for metric in analysis.metrics if metric.name == LATENCY]
    rules = Rules(
        tuple(rule for metric in counted or [ERROR_RATE] for rule in _to_rules(metric)),
        float(analysis.false_rollback_rate or FALSE_ROLLBACK_RATE),
        float(analysis.miss_rate or MISS_RATE),
    )
    deadline = to_seconds(analysis.deadline) or DEADLINE
    max_hold = to_seconds(canary.max_hold) or deadline
    return Policy(
        Course(rules, _to_ramp(canary, read_seconds), deadline, max_hold),
        tuple(_to_wish(metric) for metric in latency),
        read_seconds,
        to_seconds(analysis.initial_delay) or 0.0,
        analysis.on_inconclusive,
        canary.on_complete,
    )


def to_seconds(duration: str | None) -> float | None:
    """Seconds of a duration such as 1h30m; None of None."""
    if duration is None:
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in _TERM.findall(duration))


def _to_rules(metric: Metric) -> Iterator[MetricRule]:
    """A rule for the comparison with stable, and one for the absolute limit, as far as each is asked for."""
    if metric.tolerance is not None or metric.limit is None:
        yield MetricRule(
            metric.name,
            _to_line(metric.tolerance, NO_WORSE),
            _to_line(metric.margin, TWICE),
            dry_run=metric.dry_run,
        )
    if metric.limit is not None:
        limit = Line(0.0, float(metric.limit))
        yield MetricRule(f"{metric.name} {LIMIT}", limit, limit, dry_run=metric.dry_run)


def _to_wish(metric: Metric) -> LatencyWish:
    harm = _to_line(metric.tolerance, TAIL_TOLERANCE)
    return LatencyWish(metric.name, harm, _to_line(metric.margin, TWICE), metric.dry_run)


def _to_line(margin: Margin | None, default: Line) -> Line:
    if margin is None or (margin.ratio is None and margin.add is None):
        return default
    return Line(float(margin.ratio or 1), float(margin.add or 0))


def _to_ramp(canary: Canary, read_seconds: float) -> Ramp:
    """Steps at 100 % are left out: there promotion is, and no stable member to compare with."""
    percents = canary.step_weights or ()
    if canary.step_weight is not None:
        last = canary.max_weight or max(LARGEST_STEP_WEIGHT, canary.step_weight)
        percents = [*range(canary.step_weight, last, canary.step_weight), last]
    budget = FAILURE_BUDGET if canary.failure_budget is None else float(canary.failure_budget)
    return Ramp(
        steps=tuple(sorted({percent * FULL_WEIGHT // FULL for percent in percents if percent < FULL})),
        budget=budget,
        reaction=read_seconds + PUSH_SECONDS,
        interval=to_seconds(canary.step_interval) or 0.0,
    )
