"""Blue/green: all traffic at once, by a person, or by itself once the new side has shown what is asked."""

from dataclasses import replace

from meshsplit.model import Split
from meshsplit.rollout.ends import find_end
from meshsplit.rollout.leg import Leg
from meshsplit.rollout.observation import PreviewSeen
from meshsplit.rollout.obstacles import AWAITING_PROMOTION, NO_SLOT, Obstacle, find_obstacle
from meshsplit.rollout.spec import BlueGreenSpec
from meshsplit.rollout.splits import is_same, to_thousandths
from meshsplit.rollout.state import Act, Kept, Phase, Rejection, RolloutState
from meshsplit.rollout.turn import Turn, decide, hold

CHECKS = "ChecksPending"


def step_blue_green(state: RolloutState, turn: Turn) -> RolloutState:
    """One pass over a group with a blue/green strategy: wait, or flip when that is automatic."""
    leg, asked = state.leg, turn.spec.blue_green
    if not state.active or leg is None or asked is None:
        return state
    obstacle = find_obstacle(state, turn)
    if obstacle is None and not turn.seen.slot_free:
        obstacle = Obstacle(NO_SLOT, "as many rollouts run as may at the same time")
    if obstacle is not None:
        state = replace(state, phase=Phase.PENDING, measure=None)
        return hold(state, turn, obstacle.reason, obstacle.message, waiting=True)
    state = replace(state, phase=Phase.AWAITING_PROMOTION, measure=None)
    missing = find_missing(asked, leg, state, turn)
    if not asked.automatic:
        message = f"{leg.canary} waits for somebody to flip{f'; {missing}' if missing else ''}"
        return hold(state, turn, AWAITING_PROMOTION, message, waiting=True)
    if missing:
        return hold(state, turn, CHECKS, missing, waiting=True)
    return flip(state, turn, find_end(state, leg, turn), "ChecksPassed", say_preview(state, turn, leg.canary))


def find_missing(asked: BlueGreenSpec, leg: Leg, state: RolloutState, turn: Turn) -> str:
    """What the new side has yet to show before it is flipped to by itself; "" for nothing."""
    checks, seen = asked.checks, _find_preview(state, turn, leg.canary)
    if checks is None:
        return ""
    if seen is None:
        return turn.seen.problem or f"no preview request of {leg.canary} was counted"
    if seen.requests < max(checks.requests, checks.error_rate is not None):
        return f"{seen.requests:g} of {checks.requests} preview requests in {checks.within:g}s"
    if checks.error_rate is not None and seen.bad > checks.error_rate * seen.requests:
        return (
            f"{seen.bad:g} of {seen.requests:g} preview requests failed, at most {checks.error_rate:.2%} may"
        )
    return ""


def say_preview(state: RolloutState, turn: Turn, member: str) -> str:
    """What is known of the new side."""
    seen = _find_preview(state, turn, member)
    if seen is None:
        return f"{member} is Ready, no preview requests were counted"
    return f"{member} is Ready, {seen.requests:g} preview requests, {seen.bad:g} failed"


def _find_preview(state: RolloutState, turn: Turn, member: str) -> PreviewSeen | None:
    seen = turn.seen.preview
    return seen if seen is not None and (seen.rollout, seen.member) == (state.id, member) else None


def flip(
    state: RolloutState, turn: Turn, goal: Split, reason: str, message: str, by: str = "", note: str = ""
) -> RolloutState:
    """Give all traffic to where `goal` has it; a target that is left so is not gone to by itself again."""
    asked, target = turn.spec.blue_green, turn.target
    old, new = find_active(state.goal), find_active(goal)
    if asked is not None and old is not None and old != new:
        state = replace(state, kept=Kept(old, turn.now + asked.kept))
    at_target = is_same(goal, target)
    rejection = Rejection(target, "Flipped") if target is not None and not at_target else None
    phase = Phase.PROMOTED if at_target else Phase.STEADY
    state = replace(state, phase=phase, rejection=rejection, waiting="", measure=None)
    said = f"active is {new or goal} (was {old or state.goal}): {message}"
    return decide(state, turn, Act.FLIP, reason, said, goal=goal, good=True, by=by, note=note)


def find_active(split: Split | None) -> str | None:
    """The member with most of the traffic, by name where equal."""
    shares = to_thousandths(split) if split is not None else {}
    return min(shares, key=lambda name: (-shares[name], name), default=None)


def find_inactive(state: RolloutState, turn: Turn) -> str | None:
    """The side that a flip would lead to: the rollout's, else the other one of two."""
    if state.active and state.leg is not None:
        return state.leg.canary
    others = sorted(turn.names - {find_active(state.goal)})
    return others[0] if len(others) == 1 else None
