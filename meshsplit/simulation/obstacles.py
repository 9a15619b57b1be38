"""MSP503: what a plan cannot show in time, and which change would let it."""

import math

from meshsplit.analysis.planner import BUDGET, Obstacle, Plan, Remedy
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.policy import Policy
from meshsplit.simulation.words import to_amount, to_duration, to_weight

_WORDS = {"add": "margin.add", "traffic": "traffic", "weight": "a last weight", "deadline": "a deadline"}


def to_findings(plan: Plan, canary: str, policy: Policy, split: ObjectRef | None) -> tuple[Finding, ...]:
    """One finding a metric that cannot be certified, at the analysis of the ModelSplit `split`."""
    described = (_describe(obstacle, canary, policy) for obstacle in plan.obstacles)
    path = ("spec", "analysis")
    return tuple(Finding("MSP503", message, split, path, fix=fix) for message, fix in described)


def _describe(obstacle: Obstacle, canary: str, policy: Policy) -> tuple[str, str]:
    """The sentence of a finding, and how to mend it."""
    if obstacle.metric == BUDGET:
        allowed = f"{policy.course.ramp.budget:g} failures in {to_duration(policy.course.ramp.reaction)}"
        message = f"the failure budget of {allowed} keeps {canary} below its last weight at this traffic"
        return message, "raise strategy.canary.failureBudget"
    takes = (
        f"takes about {to_duration(obstacle.seconds)}" if math.isfinite(obstacle.seconds) else "is impossible"
    )
    limit = min(policy.course.deadline, policy.course.max_hold)
    message = (
        f"showing that {canary} is safe by metric {obstacle.metric} {takes} "
        f"at this traffic, and {to_duration(limit)} are allowed"
    )
    helps = [_remedy(each) for each in obstacle.remedies if each.value is not None]
    return (
        message,
        f"any one of: {', '.join(helps)}; or accept onInconclusive" if helps else "widen the margin",
    )


def _remedy(remedy: Remedy) -> str:
    value = remedy.value or 0.0
    amounts = {
        "add": lambda: f'"{value:.2g}"',
        "traffic": lambda: f"of {to_amount(value)} req/s",
        "weight": lambda: f"of {to_weight(round(value))}%",
        "deadline": lambda: f"of {to_duration(value)}",
    }
    return f"{_WORDS[remedy.kind]} {amounts[remedy.kind]()}"
