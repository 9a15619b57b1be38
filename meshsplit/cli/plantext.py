"""A plan for people: steps, what faults cost, what stands in the way, and the objects."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from meshsplit.analysis.planner import Fault, Plan
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act
from meshsplit.cli.compare import Difference
from meshsplit.cli.findings import Located
from meshsplit.cli.rollouts import Rollout
from meshsplit.diagnostics import Severity
from meshsplit.simulation.words import to_amount, to_duration, to_percent, to_weight

_SYMBOLS = {"added": "+", "changed": "~", "removed": "-"}


def to_rollout(rollout: Rollout) -> str:
    """One group's block."""
    heading = f"{rollout.group.key}: canary from {rollout.stable} to {rollout.canary}"
    if rollout.plan is None:
        return heading
    plan = rollout.plan
    lines = [heading, "", *_steps(plan, rollout), "", *(_fault(fault, rollout) for fault in plan.faults)]
    return "\n".join(lines)


def _steps(plan: Plan, rollout: Rollout) -> list[str]:
    """The table of steps and the line with the total."""
    lines = [f"  {'step':<5} {'weight':<12} {'canary req/s':<13} {'likely time':<12} because"]
    before = 0
    last = rollout.policy.course.ramp.last
    for at, stay in enumerate(plan.healthy.stays, 1):
        rate = plan.conditions.traffic * stay.weight / FULL_WEIGHT
        reads = f"{stay.reads} reads every {to_duration(plan.conditions.read_seconds)}"
        reason = f"{reads} until promotion is safe" if stay.weight == last else reads
        move = f"{to_weight(before)} → {to_weight(stay.weight)}"
        lines.append(f"  {at:<5} {move:<12} {to_amount(rate):<13} {to_duration(stay.seconds):<12} {reason}")
        before = stay.weight
    return [*lines, *_ending(plan, rollout, before)]


def _ending(plan: Plan, rollout: Rollout, before: int) -> list[str]:
    course, healthy = rollout.policy.course, plan.healthy
    if healthy.act is Act.PROMOTE:
        move = f"{to_weight(before)} → 100"
        total = (
            f"Likely total {to_duration(healthy.seconds)} if {rollout.canary} is as good as {rollout.stable}"
        )
        return [
            f"  {'end':<5} {move:<12} {'':<13} {'':<12} promote",
            f"  {total}. Deadline {to_duration(course.deadline)}.",
        ]
    equal = f"though {rollout.canary} be as good as {rollout.stable}"
    return [f"  No verdict is likely within {to_duration(healthy.seconds)}, {equal}."]


def _fault(fault: Fault, rollout: Rollout) -> str:
    """What a canary costs that fails more often."""
    found = fault.course
    head = f"  If {rollout.canary} fails {fault.ratio:g} times as often ({to_percent(fault.rate)}), "
    cost = (
        f"about {found.requests:,.0f} requests reach it, about {found.failures:,.0f} fail, "
        f"{fault.excess:,.0f} more than on {rollout.stable}."
    )
    if fault.noticed:
        step = f"it is rolled back at {to_weight(found.weight)}% after {to_duration(found.seconds)}:"
        least = f" No rule needs fewer than {fault.least_requests:,.0f}."
        return f"{head}{step}\n  {cost}{least if math.isfinite(fault.least_requests) else ''}"
    if found.act is Act.PROMOTE:
        return (
            f"{head}it is likely to be promoted after {to_duration(found.seconds)}:\n  the margin allows it."
        )
    return f"{head}no verdict is likely within {to_duration(found.seconds)}:\n  {cost}"


def to_objects(differences: Sequence[Difference], rollouts: Sequence[Rollout]) -> str:
    """One line an object that is written; a rollout's ModelSplit changes in its status only."""
    rows = [
        (_SYMBOLS[each.change], each.object.kind, each.object.name, _describe(each)) for each in differences
    ]
    sources = [each.group.source for each in rollouts if each.group.source is not None]
    rows += [("~", ref.kind, ref.name, "status only") for ref in sources]
    width = max((len(name) for _, _, name, _ in rows), default=0)
    return "\n".join(f"  {symbol} {kind:<16} {name:<{width}}   {what}" for symbol, kind, name, what in rows)


def _describe(difference: Difference) -> str:
    if difference.weights:
        return "weights only"
    spec: Any = (difference.after or difference.before or {}).get("spec") or {}
    routes = len(spec.get("http") or ())
    return f"{routes} route" if routes == 1 else f"{routes} routes"


def to_closing_line(differences: Sequence[Difference], located: Sequence[Located]) -> str:
    """How many objects are created, changed and deleted, and what was found."""
    changes = Counter(each.change for each in differences)
    severities = Counter(each.severity for each in located)
    found = ", ".join(
        f"{severities[each]} {each.value}{'' if severities[each] == 1 else 's'}" for each in Severity
    )
    created, changed, deleted = (changes[each] for each in ("added", "changed", "removed"))
    return f"Plan: {created} to create, {changed} to change, {deleted} to delete. {found}."
