"""Why a rollout is where it is: its last decision, what is missing, and what stands in the way."""

from collections.abc import Container, Sequence
from datetime import datetime

from meshsplit.api.rolloutstatus import DecisionStatus, OverrideStatus, PauseStatus
from meshsplit.api.status import ModelSplitStatus
from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.evidencetext import CONFIDENCE, find_errors, say_errors, to_number, to_step
from meshsplit.cli.tables import to_age
from meshsplit.rollout.obstacles import METRICS_UNAVAILABLE
from meshsplit.rollout.state import ACTIVE

_WAITING = {
    "Paused": "somebody has paused it; `resume` lets it go on",
    "Frozen": "somebody has frozen it, rollback too; `resume` lets it go on",
    "Suspended": "spec.suspend is set",
    "Stopped": "a setting stops all rollouts",
    "Invalid": "the target is not valid",
    "Overridden": "somebody has set the weights for a time; `set weight --clear` ends that",
    "WindowClosed": "no window in which it may move is open",
    "MemberNotReady": "the canary is not Ready",
    "WaitingForSlot": "as many rollouts run as may at the same time",
    "GateClosed": "a gate is closed",
    "AwaitingPromotion": "a person has to promote it",
    METRICS_UNAVAILABLE: "nothing can be measured",
}
"""By reason of what a rollout waits for other than evidence (`rollout.obstacles`)."""


def is_active(status: ModelSplitStatus) -> bool:
    """Whether a rollout has not ended."""
    return status.rollout is not None and status.rollout.state in ACTIVE


def say_decision(status: ModelSplitStatus, said_before: Container[str] = ()) -> list[str]:
    """The sentences on the last decision, what it rests on, and what it takes to go on or back.

    Its message is left out where it was `said_before`.
    """
    decision = status.last_decision
    if decision is None:
        return []
    where = f", step {to_step(status.rollout)}" if to_step(status.rollout) else ""
    by = f", by {decision.by}" if decision.by else ""
    head = f"The last decision was {decision.action.upper()} at {to_rfc3339(decision.time)}{where}{by}"
    message = "" if decision.message in said_before else decision.message
    said = [f"{head}: {decision.reason}{f', {message}' if message else ''}"]
    found = find_errors(status)
    if found is not None:
        said.append(f"{say_errors(found)}; ranges are of {CONFIDENCE}.")
    return [*said, *_say_waiting(status), *_say_needed(decision, is_active(status))]


def say_stand(status: ModelSplitStatus) -> list[str]:
    """What a person has ordered, or the rollout has come to: pause, override, a rejected target."""
    said = []
    if status.pause is not None:
        kind = "Frozen" if status.pause.freeze else "Paused"
        said.append(f"{kind} since {to_rfc3339(status.pause.since)}{_say_who(status.pause)}.")
    if status.override is not None:
        until = to_rfc3339(status.override.until)
        said.append(f"Overridden with {status.override.weights} until {until}{_say_who(status.override)}.")
    if status.rejected_target is not None:
        rejected = status.rejected_target
        again = "it is tried again when it changes, or with `retry`"
        said.append(f"The target {rejected.weights} is given up ({rejected.reason}): {again}.")
    if status.kept is not None:
        said.append(f"{status.kept.member} is kept for a way back until {to_rfc3339(status.kept.until)}.")
    return said


def say_progress(status: ModelSplitStatus, now: datetime) -> Sequence[str]:
    """`canary step 2 of 4` and `next check in 38s`, of a rollout that is under way."""
    rollout = status.rollout
    if rollout is None or not is_active(status):
        return ()
    said = [f"canary step {rollout.step} of {rollout.steps}"] if rollout.step and rollout.steps else []
    if rollout.failed_checks:
        said.append(f"{rollout.failed_checks} checks in a row without evidence")
    if rollout.waiting:
        said.append(f"waits: {rollout.waiting}")
    elif rollout.next_check_at is not None and rollout.next_check_at > now:
        # The age of now, seen from then.
        said.append(f"next check in {to_age(now, rollout.next_check_at)}")
    return said


def _say_waiting(status: ModelSplitStatus) -> list[str]:
    waiting = status.rollout.waiting if status.rollout is not None else ""
    return [f"It waits ({waiting}): {_WAITING.get(waiting, 'see the message above')}."] if waiting else []


def _say_needed(decision: DecisionStatus, active: bool) -> list[str]:
    """How much of each evidence is there of what is needed, of a rollout that still can end either way."""
    if not active or not decision.harm_needed:
        return []
    said = [f"To roll back  evidence of harm {decision.harm or '0'} must reach {decision.harm_needed}."]
    if not decision.safety_needed:
        return said
    have, need = to_number(decision.safety), to_number(decision.safety_needed)
    missing = "" if have is None or need is None or have < need else ", and it has"
    safety = f"evidence of safety {decision.safety or '0'} must reach {decision.safety_needed}"
    return [f"To promote    {safety}{missing}.", *said]


def _say_who(order: PauseStatus | OverrideStatus) -> str:
    by = f" by {order.by}" if order.by else ""
    return f"{by}: {order.reason}" if order.reason else by
