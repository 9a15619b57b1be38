"""One decision about the rollout of one group, and what of it has to be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.rollout.engine import is_urgent

if TYPE_CHECKING:
    from meshsplit.controller.measured import Measured
    from meshsplit.rollout.engine import Advance
    from meshsplit.rollout.observation import GateResult
    from meshsplit.rollout.spec import RolloutSpec
    from meshsplit.rollout.state import RolloutState

KEEP_SECONDS = 60.0
"""A rollout's progress is kept at least that often, even when nothing is decided."""


@dataclass(frozen=True, slots=True)
class Step:
    """One decision about a group that is walked: its state before and after, by which spec.

    `measured` and the answers of `gates` are what it was decided on. When `is_urgent` the state after it has
    to be kept before anything is done, when `is_worth_keeping` it is to be kept at all.
    """

    before: RolloutState
    advance: Advance
    spec: RolloutSpec
    is_urgent: bool
    is_worth_keeping: bool
    measured: Measured | None = None
    gates: tuple[GateResult, ...] = ()

    @property
    def after(self) -> RolloutState:
        """The state to go on from."""
        return self.advance.state

    @property
    def kept(self) -> RolloutState:
        """What the status says from now on."""
        return self.after if self.is_worth_keeping else self.before


def make_step(
    before: RolloutState,
    advance: Advance,
    spec: RolloutSpec,
    measured: Measured | None,
    gates: tuple[GateResult, ...],
) -> Step:
    """The step, and what of it has to be kept."""
    urgent = is_urgent(before, advance.state)
    worth = urgent or _has_progressed(before, advance.state)
    return Step(before, advance, spec, urgent, worth, measured, gates)


def _has_progressed(before: RolloutState, after: RolloutState) -> bool:
    """Whether anything was read or said; a clock that ticks counts once in a while, one that stands never."""
    if before.cursor != after.cursor or before.last != after.last:
        return True
    if not after.takes_slot or after.waiting:
        return False
    seen = before.seen_at
    return seen is None or (after.seen_at or seen) - seen >= KEEP_SECONDS
