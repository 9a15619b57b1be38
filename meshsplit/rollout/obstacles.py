"""What keeps a rollout from moving on, apart from evidence."""

from dataclasses import dataclass

from meshsplit.rollout.state import RolloutState
from meshsplit.rollout.turn import Turn
from meshsplit.rollout.windows import find_closed

FROZEN, PAUSED, SUSPENDED, STOPPED = "Frozen", "Paused", "Suspended", "Stopped"
INVALID, OVERRIDDEN, WINDOW_CLOSED = "Invalid", "Overridden", "WindowClosed"
NOT_READY, NO_SLOT, METRICS_UNAVAILABLE = "MemberNotReady", "WaitingForSlot", "MetricsUnavailable"
GATE_CLOSED, AWAITING_PROMOTION = "GateClosed", "AwaitingPromotion"

STANDSTILLS = frozenset({FROZEN, PAUSED, SUSPENDED, STOPPED, INVALID, OVERRIDDEN})
"""Reasons that hold every step, whatever the evidence: somebody wants it so."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a rollout stands; its clock stands too, unless it is for something that it has to bring itself."""

    reason: str
    message: str

    @property
    def stops_clock(self) -> bool:
        """Whether the time until it goes counts for nothing."""
        return self.reason not in (NOT_READY, METRICS_UNAVAILABLE)


def find_standstill(state: RolloutState, turn: Turn) -> Obstacle | None:
    """Why no step may be taken at all."""
    pause, override = state.pause, state.override
    if pause is not None:
        by = f" by {pause.by}" if pause.by else ""
        note = f": {pause.note}" if pause.note else ""
        return Obstacle(FROZEN if pause.freeze else PAUSED, f"paused{by}{note}")
    if turn.spec.suspended:
        return Obstacle(SUSPENDED, "spec.suspend is set")
    if turn.seen.stopped:
        return Obstacle(STOPPED, "all rollouts are stopped by a setting")
    if turn.target is None:
        return Obstacle(INVALID, "the target cannot be told, so the last valid split is kept")
    if override is not None:
        return Obstacle(OVERRIDDEN, f"overridden with {override.split}")
    return None


def find_obstacle(state: RolloutState, turn: Turn) -> Obstacle | None:
    """Why the canary may not get more now."""
    standing = find_standstill(state, turn)
    if standing is not None:
        return standing
    if state.leg is not None and state.leg.canary in turn.unready:
        return Obstacle(NOT_READY, f"{state.leg.canary} is not Ready")
    closed = find_closed(turn.spec.canary.windows, turn.now) if turn.spec.canary is not None else ""
    return Obstacle(WINDOW_CLOSED, closed) if closed else None
