"""The body of a PlanReport."""

import math
from collections.abc import Sequence
from typing import Any

from meshsplit.analysis.forecast import Forecast
from meshsplit.analysis.planner import Plan
from meshsplit.cli.compare import Difference
from meshsplit.cli.findings import Located
from meshsplit.cli.rollouts import Rollout
from meshsplit.simulation.words import OUTCOMES

_TENTH_OF_PERCENT = 10


def to_report(
    rollouts: Sequence[Rollout], differences: Sequence[Difference], located: Sequence[Located]
) -> dict[str, Any]:
    """Rollouts in the groups' order, objects in order, findings as in a LintReport's order."""
    return {
        "rollouts": [_to_rollout(each) for each in rollouts],
        "objects": [
            {
                "kind": each.object.kind,
                "namespace": each.object.namespace,
                "name": each.object.name,
                "change": each.change,
            }
            for each in differences
        ],
        "findings": [
            {
                "code": e.finding.code,
                "severity": e.severity.value,
                "message": e.finding.message,
                "fix": e.finding.fix,
            }
            for e in located
        ],
    }


def _to_rollout(rollout: Rollout) -> dict[str, Any]:
    key = rollout.group.key
    return {
        "group": {"namespace": key.namespace, "name": key.name},
        "stable": rollout.stable,
        "canary": rollout.canary,
        "deadlineSeconds": rollout.policy.course.deadline,
        "plan": None if rollout.plan is None else _to_plan(rollout.plan),
    }


def _to_plan(plan: Plan) -> dict[str, Any]:
    return {
        "traffic": plan.conditions.traffic,
        "baselineErrors": plan.conditions.baseline,
        "healthy": _to_forecast(plan.healthy),
        "faults": [
            {
                "ratio": fault.ratio,
                "errorRate": fault.rate,
                "excessFailures": fault.excess,
                "leastRequests": _finite(fault.least_requests),
                **_to_forecast(fault.course),
            }
            for fault in plan.faults
        ],
        "obstacles": [
            {
                "metric": obstacle.metric,
                "seconds": _finite(obstacle.seconds),
                "remedies": {each.kind: each.value for each in obstacle.remedies},
            }
            for obstacle in plan.obstacles
        ],
    }


def _to_forecast(forecast: Forecast) -> dict[str, Any]:
    return {
        "outcome": OUTCOMES[forecast.act],
        "seconds": forecast.seconds,
        "canaryRequests": forecast.requests,
        "failedRequests": forecast.failures,
        "steps": [
            {"weight": stay.weight / _TENTH_OF_PERCENT, "seconds": stay.seconds, "reads": stay.reads}
            for stay in forecast.stays
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
