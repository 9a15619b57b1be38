"""How rollouts begin and end, for every strategy that has any."""

import hashlib
from dataclasses import replace

from meshsplit.analysis.verdict import Verdict
from meshsplit.model import Split
from meshsplit.rollout import gates
from meshsplit.rollout.history import was_good
from meshsplit.rollout.leg import Leg, plan_leg
from meshsplit.rollout.spec import GateType
from meshsplit.rollout.splits import drop_lost, is_same, list_members, to_thousandths
from meshsplit.rollout.state import Act, Phase, Rejection, RolloutState
from meshsplit.rollout.turn import Turn, decide

ID_DIGITS = 6
"""Hex digits of a rollout's id: it has to differ from those shortly before it."""


def begin(state: RolloutState, turn: Turn, target: Split, base: Split) -> RolloutState:
    """A rollout from the split `base` to `target`, which differ; it has not moved anything yet."""
    leg = plan_leg(base, list_members(target, turn.names), turn.group.stable_member)
    if leg is None:
        return replace(state, phase=Phase.STEADY, target=target)
    number = state.rollouts + 1
    revision = turn.seen.revisions.get(leg.canary, "")
    text = "\0".join((str(turn.group.key), str(number), str(target), revision))
    return replace(
        state,
        phase=Phase.PENDING,
        target=target,
        id=hashlib.blake2b(text.encode()).hexdigest()[:ID_DIGITS],
        rollouts=number,
        leg=leg,
        revision=revision,
        measure=None,
        waiting="",
        gates=(),
        rejection=None,
    )


def end(
    state: RolloutState,
    turn: Turn,
    phase: Phase,
    act: Act,
    reason: str,
    message: str,
    *,
    goal: Split,
    good: bool = True,
    by: str = "",
    note: str = "",
    verdict: Verdict | None = None,
) -> RolloutState:
    """End a rollout with the split `goal`; a target that was not reached is rejected."""
    target, leg = state.target, state.leg
    if phase in (Phase.ROLLED_BACK, Phase.ABORTED) and target is not None:
        canary = leg.canary if leg is not None else ""
        rejection = Rejection(target, reason, canary, state.revision)
        state = replace(state, rejection=rejection)
    state = gates.settle(replace(state, phase=phase, waiting=""))
    state = decide(state, turn, act, reason, message, goal=goal, good=good, by=by, note=note, verdict=verdict)
    return gates.ask(state, turn, GateType.POST_ROLLOUT).state


def end_without_lost(state: RolloutState, turn: Turn) -> RolloutState:
    """End a rollout one of whose members left, on what is left of the split it began with."""
    leg = state.leg
    if not state.active or leg is None:
        return state
    gone = sorted({*to_thousandths(leg.start), *to_thousandths(leg.end)} - turn.names)
    rest = drop_lost(leg.start, turn.names)
    if not gone or rest is None:
        return state
    message = f"{', '.join(gone)} left the group"
    state = replace(state, phase=Phase.STEADY, target=None, waiting="", gates=())
    return decide(state, turn, Act.REBALANCE, "MemberLeft", message, goal=rest)


def find_end(state: RolloutState, leg: Leg, turn: Turn) -> Split:
    """The whole target, however many rollouts lead there: where a flip goes, and a person's promotion."""
    return leg.end if state.target is None else list_members(state.target, turn.names)


def follow_target(state: RolloutState, turn: Turn) -> RolloutState:
    """See whether the target, or the content of the canary, is another one; a revert is done at once."""
    target, goal = turn.target, state.goal
    if target is None or goal is None or (state.pause is not None and state.pause.freeze):
        return state
    if state.active:
        return _follow_under_way(state, turn, target)
    if is_same(target, goal):
        phase = Phase.PROMOTED if state.phase is Phase.PROMOTED else Phase.STEADY
        return replace(state, phase=phase, target=target, rejection=None)
    if _is_rejected(state, turn, target):
        return state
    if was_good(state.history, target, turn.seen.revisions):
        return _revert(state, turn, target)
    if state.pause is not None or turn.spec.suspended:
        return state
    return begin(state, turn, target, goal)


def _follow_under_way(state: RolloutState, turn: Turn, target: Split) -> RolloutState:
    leg = state.leg
    if leg is None or state.target is None:
        return state
    if is_same(target, state.target):
        revision = turn.seen.revisions.get(leg.canary, "")
        if not revision or revision == state.revision:
            return state
        if not state.revision:
            return replace(state, revision=revision)
        return _restart(state, turn, target, leg.start, "NewRevision", f"{leg.canary} has a new revision")
    if is_same(target, leg.start) or was_good(state.history, target, turn.seen.revisions):
        return _revert(state, turn, target)
    return _restart(state, turn, target, leg.start, "NewTarget", f"the target is now {target}")


def _revert(state: RolloutState, turn: Turn, target: Split) -> RolloutState:
    state = replace(state, phase=Phase.STEADY, target=target, rejection=None, waiting="", gates=())
    message = f"the target is {target} again, which was good"
    return decide(state, turn, Act.REVERT, "TargetReverted", message, goal=target, good=True)


def _restart(
    state: RolloutState, turn: Turn, target: Split, base: Split, reason: str, message: str
) -> RolloutState:
    moved = not is_same(state.goal, base)
    state = begin(state, turn, target, base)
    if not moved:
        return state
    return decide(state, turn, Act.RESTART, reason, f"{message}: back to the start", goal=base, good=True)


def _is_rejected(state: RolloutState, turn: Turn, target: Split) -> bool:
    rejection = state.rejection
    if rejection is None or not is_same(target, rejection.target):
        return False
    revision = turn.seen.revisions.get(rejection.canary, "")
    return not (revision and rejection.revision and revision != rejection.revision)
