"""The state machine of one group: (state, what is seen, now) in, (state, split, what to do) out.

Pure. The state that comes out decides the split that comes out: a caller that keeps the state before it acts
may die at any instruction and go on from what was kept, and nothing is done twice or left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from meshsplit.diagnostics import Finding
from meshsplit.model import Group, Outcome, Split, Strategy
from meshsplit.rollout import gates
from meshsplit.rollout.answers import answer_request, release
from meshsplit.rollout.asides import find_diversion, find_shadow
from meshsplit.rollout.bluegreen import step_blue_green
from meshsplit.rollout.canary import step_canary
from meshsplit.rollout.ends import end_without_lost, follow_target
from meshsplit.rollout.measuring import tick
from meshsplit.rollout.notices import Notice, make_notices
from meshsplit.rollout.observation import Observation
from meshsplit.rollout.spec import RolloutSpec
from meshsplit.rollout.splits import drop_lost, hold_back, is_same, list_members, to_thousandths
from meshsplit.rollout.state import Act, RolloutState
from meshsplit.rollout.static import step_static
from meshsplit.rollout.targets import decide_split, make_not_ready, without_lost_members
from meshsplit.rollout.turn import Call, Event, Turn, decide

STRATEGIES: Mapping[Strategy, Callable[[RolloutState, Turn], RolloutState]] = {
    Strategy.STATIC: step_static,
    Strategy.CANARY: step_canary,
    Strategy.BLUE_GREEN: step_blue_green,
}


@dataclass(frozen=True, slots=True)
class Advance:
    """What a pass came to: the state to keep, the outcome to express, and what to do then.

    `events`, `calls` and `notices` are asked for once; `wake` are the seconds until the next pass is wanted
    even when nothing changes, 0 for never.
    """

    state: RolloutState
    outcome: Outcome
    events: tuple[Event, ...] = ()
    calls: tuple[Call, ...] = ()
    wake: float = 0.0
    notices: tuple[Notice, ...] = ()


def advance(
    group: Group,
    spec: RolloutSpec,
    state: RolloutState,
    seen: Observation,
    now: float,
    live: Split | None = None,
) -> Advance:
    """One pass over a group at `now`, in Unix seconds.

    `live` is what serves when the state knows of nothing yet. An unreadable group stays exactly as it is; a
    withdrawn one has no split, and its rollout stands.
    """
    if group.unreadable:
        return Advance(state, Outcome(group, state.serving or live))
    if group.withdrawn is not None:
        return Advance(replace(state, seen_at=None), Outcome(group, None))
    turn = Turn(group, spec, seen, now, state.decisions)
    begun, findings = _adopt(state, turn, live)
    if begun.goal is None:
        return Advance(begun, Outcome(group, None, findings))
    after = gates.take_answers(tick(begun, now), turn)
    after = _expire(answer_request(after, turn), turn)
    after = follow_target(end_without_lost(after, turn), turn)
    after = STRATEGIES[spec.strategy](after, turn)
    after, outcome = _serve(after, begun.serving, turn)
    return Advance(
        after,
        outcome,
        tuple(turn.events),
        tuple(turn.calls),
        _find_wake(after, turn),
        make_notices(after, turn),
    )


def is_urgent(before: RolloutState, after: RolloutState) -> bool:
    """Whether `after` has to be kept before anything is done about it; else within a minute is soon enough.

    Only the progress of a test may be lost: its reads are then read again.
    """
    return _without_progress(before) != _without_progress(after)


def _without_progress(state: RolloutState) -> RolloutState:
    measure = state.measure
    if measure is not None:
        measure = replace(measure, trial="", elapsed=0.0, reads=0, read_at=None, blind=0)
    return replace(state, seen_at=None, cursor="", measure=measure, last=None)


def _adopt(state: RolloutState, turn: Turn, live: Split | None) -> tuple[RolloutState, tuple[Finding, ...]]:
    """Take over what serves where nothing is remembered; without anything, begin with what is safe."""
    if state.goal is not None:
        return state, ()
    weights = drop_lost(live, turn.names) if live is not None else None
    if weights is not None:
        message = "this is what served when the group was first seen"
        adopted = decide(state, turn, Act.ADOPT, "FirstSeen", message, goal=weights, good=True)
        return replace(adopted, serving=weights), ()
    at_once = turn.spec.strategy is Strategy.BLUE_GREEN
    outcome = decide_split(turn.group, None, "target" if at_once else "start")
    if outcome.split is None:
        return state, outcome.findings
    goal = turn.group.target if at_once or turn.spec.strategy is Strategy.STATIC else outcome.split
    message = f"the group begins with {outcome.split}"
    return decide(state, turn, Act.APPLY, "FirstSplit", message, goal=goal or outcome.split, good=True), ()


def _expire(state: RolloutState, turn: Turn) -> RolloutState:
    """End what lasts until a time."""
    override, kept = state.override, state.kept
    if kept is not None and turn.now >= kept.until:
        state = replace(state, kept=None)
    if override is None or turn.now < override.until:
        return state
    return release(state, turn, "Expired", f"the override is over, back to {state.goal}")


def _serve(state: RolloutState, serving: Split | None, turn: Turn) -> tuple[RolloutState, Outcome]:
    """The split that is given: what is wanted, less what members that left or are not ready cannot take.

    `serving` is what was given so far; it changes only with a reason on record.
    """
    names, group = turn.names, turn.group
    goal = drop_lost(state.goal, names) if state.goal is not None else None
    if goal is None:
        return state, Outcome(group, None)
    _, lost = without_lost_members(group, state.goal)
    override = drop_lost(state.override.split, names) if state.override is not None else None
    wanted = override or goal
    has = drop_lost(serving, names) if serving is not None else None
    given = list_members(hold_back(wanted, has, turn.unready), names)
    state = replace(state, goal=goal, serving=given)
    if not is_same(given, serving) and not _is_explained(state, turn):
        message = f"{serving} → {given}, since a member left, or is or is not Ready"
        state = decide(state, turn, Act.REBALANCE, "Members", message, given=given)
    got, asked = to_thousandths(given), to_thousandths(wanted)
    held = sorted(name for name in turn.unready if asked.get(name, 0) > got.get(name, 0))
    findings = (*lost, *(make_not_ready(group, name, given, wanted) for name in held))
    outcome = Outcome(group, given, findings, find_diversion(state, turn), find_shadow(state, turn))
    return state, outcome


def _is_explained(state: RolloutState, turn: Turn) -> bool:
    """Whether this pass has recorded a change of the split."""
    return bool(state.history) and state.history[-1].number > turn.decisions


def _find_wake(state: RolloutState, turn: Turn) -> float:
    untils = [each.until for each in (state.override, state.kept) if each is not None]
    wakes = [*turn.wakes, *(until - turn.now for until in untils)]
    if state.active:
        wakes.append(turn.spec.policy.read_seconds)
    return min((each for each in wakes if each > 0), default=0.0)
