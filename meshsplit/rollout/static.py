"""No strategy: the target is applied at once."""

from dataclasses import replace

from meshsplit.rollout.obstacles import find_standstill
from meshsplit.rollout.state import Act, Phase, RolloutState
from meshsplit.rollout.turn import Turn, decide, hold


def step_static(state: RolloutState, turn: Turn) -> RolloutState:
    """Take over the target, unless somebody wants the group to stand."""
    target = turn.target
    if not state.active or target is None:
        return state
    standing = find_standstill(state, turn)
    if standing is not None:
        state = replace(state, phase=Phase.PENDING, measure=None)
        return hold(state, turn, standing.reason, standing.message, waiting=True)
    state = replace(state, phase=Phase.STEADY, leg=None, measure=None, waiting="", gates=())
    return decide(state, turn, Act.APPLY, "NewTarget", f"the target is {target}", goal=target, good=True)
