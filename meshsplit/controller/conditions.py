"""What the conditions of a ModelSplit say: findings and write errors as (status, reason, message)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.api.fields import cut
from meshsplit.model import FULL
from meshsplit.rollout import report as rollout
from meshsplit.rollout.report import Says

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meshsplit.controller.step import Step
    from meshsplit.diagnostics import Finding
    from meshsplit.model import Outcome, Split

WEIGHT_REASONS = {
    "MSP101": "SumNot100",
    "MSP102": "NotAPercentage",
    "MSP103": "TotalZero",
    "MSP104": "MissingPercentage",
    "MSP106": "WeightsDiffer",
}
ROUTE_REASONS = {
    "MSP301": "ForeignVirtualService",
    "MSP303": "GatewayNotFound",
    "MSP308": "RouteRejected",
}
_INPUT_CODES = frozenset({"MSP007", "MSP009", "MSP106", "MSP108", "MSP110", "MSP309", "MSP401", "MSP402"})
"""Refusals that are mistakes in an object; the others are collisions with somebody else."""

STEADY, INVALID, REFUSED = "Steady", "Invalid", "Refused"
NOT_EXPOSED, MEMBER_NOT_READY, WRITE_FAILED = "NotExposed", "MemberNotReady", "WriteFailed"
NO_MEMBERS, ROUTE_REJECTED, ACCEPTED = "NoMembers", "RouteRejected", "Accepted"

WAITING = frozenset({MEMBER_NOT_READY, WRITE_FAILED, NO_MEMBERS})
"""Reasons of a Ready that is False and may become True without anybody's doing."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the conditions of one group are made of.

    `findings` are those about this group. `rejected` is what the API server said against one of its routes,
    `failed` why something could not be written now and is tried again, `step` that of its rollout.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    rejected: str = ""
    failed: str = ""
    step: Step | None = None

    def first(self, codes: Iterable[str]) -> Finding | None:
        """The first finding that has one of the codes."""
        wanted = frozenset(codes)
        return next((finding for finding in self.findings if finding.code in wanted), None)


def say_ready(facts: Facts) -> Says:
    """Whether traffic is routed as meshsplit intends; the reason is the group's state in one word."""
    outcome = facts.outcome
    group = outcome.group
    blocking = group.withdrawn or group.refused
    if facts.failed:
        return Says("False", WRITE_FAILED, facts.failed)
    if blocking is not None:
        reason = NOT_EXPOSED if group.withdrawn else _reason_of_refusal(blocking)
        return Says("False", reason, _and_serving(explain(blocking), outcome.split))
    wrong = facts.first(WEIGHT_REASONS) or facts.first({"MSP110"})
    if group.target is None:
        return Says("False", INVALID, _and_serving(explain(wrong), outcome.split))
    routes = say_routes(facts)
    if routes.status == "False":
        return Says("False", routes.reason, routes.message)
    if outcome.split is None:
        return Says("False", INVALID, _and_serving(explain(wrong), None))
    return _say_progress(facts, outcome.split)


def say_weights(facts: Facts) -> Says:
    """Whether the weights that were asked for can be served."""
    outcome = facts.outcome
    wrong = facts.first(WEIGHT_REASONS)
    if wrong is not None:
        return Says("False", WEIGHT_REASONS[wrong.code], _and_serving(_sum_or_message(wrong), outcome.split))
    target = outcome.group.target
    if target is None:
        return Says("Unknown", INVALID, explain(outcome.group.refused))
    return Says("True", "SumIs100", " + ".join(str(weight) for _, weight in target.weights))


def say_routes(facts: Facts) -> Says:
    """Whether the routes are where requests meet them."""
    outcome = facts.outcome
    if facts.rejected:
        return Says("False", ROUTE_REJECTED, facts.rejected)
    if facts.failed:
        return Says("Unknown", WRITE_FAILED, facts.failed)
    if outcome.group.withdrawn is not None:
        return Says("False", NOT_EXPOSED, explain(outcome.group.withdrawn))
    wrong = facts.first(ROUTE_REASONS)
    if wrong is not None:
        return Says("False", ROUTE_REASONS[wrong.code], explain(wrong))
    if outcome.split is None:
        return Says("Unknown", "NoRoutes", "there is no split to route yet")
    return Says("True", ACCEPTED, "VirtualService accepted")


def say_stalled(ready: Says, step: Step | None = None) -> Says:
    """Whether nothing will change before somebody does something."""
    if ready.status == "True" and step is not None:
        return rollout.say_stalled(step.kept)
    stalled = ready.status == "False" and ready.reason not in WAITING
    return Says("True", ready.reason, ready.message) if stalled else Says("False", "NotStalled")


def say_reconciling(ready: Says) -> Says:
    """Whether something is still being waited for or written."""
    waiting = ready.status == "False" and ready.reason in WAITING
    return Says("True", ready.reason, ready.message) if waiting else Says("False", "Written")


def explain(finding: Finding | None) -> str:
    """What is wrong, its code, and what to do about it."""
    if finding is None:
        return ""
    fix = f"; {finding.fix}" if finding.fix else ""
    return cut(f"{finding.message} ({finding.code}){fix}")


def show(split: Split, order: Sequence[str] = ()) -> str:
    """`a 80, b 20`, in the order given, else by name; per mille as percent with one digit."""
    weights = dict(split.weights)
    names = [name for name in order if name in weights] or list(weights)
    return ", ".join(f"{name} {show_share(weights[name], split.total)}" for name in names)


def show_share(weight: int, total: int) -> str:
    """A weight in percent."""
    return str(weight) if total == FULL else f"{weight * FULL / total:.1f}"


def _say_progress(facts: Facts, split: Split) -> Says:
    if facts.step is not None:
        return rollout.say_state(facts.step.kept, facts.step.spec)
    waiting = facts.first({"MSP107"})
    if waiting is not None:
        return Says("False", MEMBER_NOT_READY, explain(waiting))
    return Says("True", STEADY, f"serving {show(split)}")


def _reason_of_refusal(finding: Finding) -> str:
    return INVALID if finding.code in _INPUT_CODES else REFUSED


def _sum_or_message(finding: Finding) -> str:
    """For a wrong sum the sum itself, `a 80 + b 30 = 110, want 100 (MSP101)`."""
    parts = [related.text.split() for related in finding.related]
    if finding.code != "MSP101" or not all(len(part) == 2 and part[1].isdecimal() for part in parts):
        return explain(finding)
    total = sum(int(weight) for _, weight in parts)
    listed = " + ".join(" ".join(part) for part in parts)
    return f"{listed} = {total}, want {FULL} ({finding.code}); {finding.fix}"


def _and_serving(message: str, split: Split | None) -> str:
    serving = f"serving the last valid split: {show(split)}" if split is not None else "nothing is served yet"
    return cut(f"{message}; {serving}" if message else serving)
