"""A rollout's decisions as its ModelSplit tells them, one line each, and the counts between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.analysis.counts import NOTHING, Counts
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.cli.splits import to_weights
from meshsplit.rollout.state import Act
from meshsplit.simulation.peers import Counted
from meshsplit.simulation.words import to_evidence, to_weight

if TYPE_CHECKING:
    from datetime import datetime

    from meshsplit.api.rolloutstatus import DecisionStatus, EvidenceStatus, RolloutStatus
    from meshsplit.api.status import ModelSplitStatus
    from meshsplit.cli.terminal import Style

ERRORS = "error-rate"
HEADER = "TIME     STEP     WEIGHT        DECISION ERRORS    RATE [95%]           EVIDENCE"
"""Above lines with steps."""
_PLAIN = frozenset({"Evidence", "Harm", "NotEnoughEvidence", "Started"})
"""Reasons that a line shows without the word."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One decision: of which step, at which weights of the canary (thousandths) before and after it."""

    rollout: RolloutStatus
    decision: DecisionStatus
    before: int
    after: int

    def paint(self, style: Style) -> str:
        """The line, in the colour of what was done."""
        if self.decision.action == Act.ROLLBACK:
            return style.bad(str(self))
        if self.decision.action == Act.HOLD:
            return str(self)
        return style.good(str(self))

    def __str__(self) -> str:
        decision, told = self.decision, _most_telling(self.decision)
        weight = f"{to_weight(self.before)}→{to_weight(self.after)}"
        parts = [
            f"{decision.time:%H:%M:%S}",
            f"step={self.rollout.step}/{self.rollout.steps}" if self.rollout.steps else "",
            f"weight={to_weight(self.after) if self.before == self.after else weight:<6}",
            f"{decision.action.upper():<8}",
        ]
        if told is not None:
            parts += [
                f"{f'{told.errors}/{told.requests}':<9}",
                (f"{told.value}% [{told.low},{told.high}]" if told.value else "-").ljust(20),
                f"harm={_evidence(decision.harm):<6}",
                f"safety={_evidence(decision.safety):<6}",
            ]
            if told.metric != ERRORS:
                parts.append(told.metric.replace(" ", ">"))
        if decision.reason not in _PLAIN:
            parts.append(decision.reason)
        return " ".join(part for part in parts if part).rstrip()


class DecisionLog:
    """Follows one rollout by the statuses of its ModelSplit, each seen at least once and in order."""

    def __init__(self, canary: str, read_seconds: float) -> None:
        self._canary = canary
        self._read_seconds = read_seconds
        self._last: Seen | None = None
        self._counted: tuple[datetime, int, Counts] | None = None
        self.reads: list[Counted] = []
        """What was counted between decisions on evidence, while the weight was the same."""

    @property
    def weight(self) -> int:
        """The canary's weight after the last decision, in thousandths; 0 before the first."""
        return self._last.after if self._last is not None else 0

    def take(self, status: ModelSplitStatus) -> Seen | None:
        """The decision that this status tells first; None when it has none, or none yet on this rollout."""
        rollout, decision = status.rollout, status.last_decision
        if rollout is None or rollout.started_at is None or decision is None:
            return None
        if decision.action in {Act.ADOPT, Act.APPLY}:
            return None
        weights = [_weight(entry.weights, self._canary) for entry in status.history]
        moved = decision.action != Act.HOLD and len(weights) > 1
        seen = Seen(rollout, decision, weights[-2] if moved else weights[-1], weights[-1])
        if self._last is not None and _is_told(self._last.decision, decision):
            return None
        self._last = seen
        self._count(seen)
        return seen

    def _count(self, seen: Seen) -> None:
        """Keep what was counted since the last decision; the first read at a weight covers one interval."""
        told = next((each for each in seen.decision.evidence if each.metric == ERRORS), None)
        if told is None:
            return
        now = Counts(told.requests, told.errors, told.stable_requests, told.stable_errors)
        at, weight, before = self._counted or (seen.decision.time, -1, NOTHING)
        seconds = (seen.decision.time - at).total_seconds() if weight == seen.before else 0.0
        self._counted = (seen.decision.time, seen.before, now)
        increment = Counts(
            now.canary_requests - before.canary_requests,
            now.canary_bad - before.canary_bad,
            now.stable_requests - before.stable_requests,
            now.stable_bad - before.stable_bad,
        )
        if increment.canary_requests + increment.stable_requests > 0:
            self.reads.append(Counted(increment, seen.before, seconds or self._read_seconds))


def _is_told(before: DecisionStatus, after: DecisionStatus) -> bool:
    """Whether a decision says no more than the one before: a hold on the same counts for the same reason."""
    same = before.reason == after.reason and before.evidence == after.evidence
    return same and before.action == after.action and (after.action == Act.HOLD or before.time == after.time)


def _most_telling(decision: DecisionStatus) -> EvidenceStatus | None:
    """The metric whose harm is clearest; a figure too large to be written down is."""
    deciding = [each for each in decision.evidence if not each.dry_run]
    return max(deciding, key=lambda each: float(each.harm or math.inf), default=None)


def _weight(weights: str, member: str) -> int:
    """The member's weight in thousandths, of a split as text."""
    found = to_weights(weights)
    return found.get(member, 0) * FULL_WEIGHT // max(sum(found.values()), 1)


def _evidence(figure: str) -> str:
    return to_evidence(float(figure) if figure else math.inf)
