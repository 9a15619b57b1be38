"""What every webhook is told of a rollout, whatever it is called for."""

from meshsplit.rollout.state import RolloutState
from meshsplit.rollout.turn import Turn


def to_payload(state: RolloutState, turn: Turn) -> dict[str, object]:
    """Which group and rollout it is about, and what serves."""
    key, leg, serving = turn.group.key, state.leg, state.serving
    return {
        "namespace": key.namespace,
        "name": key.name,
        "rollout": state.id,
        "phase": str(state.phase),
        "stable": leg.stable if leg is not None else "",
        "canary": leg.canary if leg is not None else "",
        "serving": dict(serving.weights) if serving is not None else {},
        "total": serving.total if serving is not None else 0,
    }
