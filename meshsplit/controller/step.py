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

    `measured` and the answers of `gates` are what it was decided on.
    """

    before: RolloutState
    advance: Advance
    spec: RolloutSpec
    measured: Measured | None = None
    gates: tuple[GateResult, ...] = ()

    @property
    def after(self) -> RolloutState:
        """The state to go on from."""
        return self.advance.state

    @property
    def is_urgent(self) -> bool:
        """Whether the state has to be kept before anything is done."""
        return is_urgent(self.before, self.after)

    @property
    def is_worth_keeping(self) -> bool:
        """Whether the state is to be kept at all: a clock that ticked is not."""
        before, after = self.before, self.after
        if self.is_urgent or before.cursor != after.cursor or before.last != after.last:
            return True
        seen = before.seen_at
        return after.active and (seen is None or (after.seen_at or seen) - seen >= KEEP_SECONDS)

    @property
    def kept(self) -> RolloutState:
        """What the status says from now on."""
        return self.after if self.is_worth_keeping else self.before
