"""The decisions about one group as they appear in its status, one after another, and their lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshsplit.api.rolloutstatus import DecisionStatus, HistoryEntry
from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.evidencetext import find_errors, to_step
from meshsplit.cli.splits import LiveSplit
from meshsplit.model import FULL
from meshsplit.rollout.state import Act

_WIDTH = 8
"""Of the longest common act: rollback."""


@dataclass(frozen=True, slots=True)
class Told:
    """One decision and the ModelSplit as it was then; `is_repeated` says that it is one more hold alike."""

    split: LiveSplit
    decision: DecisionStatus
    is_repeated: bool = False
    is_last: bool = True


class Decisions:
    """Notices what is new from one state of a ModelSplit to the next."""

    def __init__(self) -> None:
        self._last: DecisionStatus | None = None
        self._alike: tuple[object, ...] = ()
        self._number: int | None = None

    def take(self, split: LiveSplit) -> Iterator[Told]:
        """What was decided since the state before; what happened between two looks is in the history."""
        decision, history = split.status.last_decision, split.status.history
        for entry in self._find_missed(history, decision):
            yield Told(split, _to_decision(entry), is_last=False)
        self._number = max((entry.number for entry in history), default=self._number or 0)
        if decision is None or decision == self._last:
            return
        alike = _find_alike(split, decision)
        yield Told(split, decision, is_repeated=decision.action == Act.HOLD and alike == self._alike)
        self._last, self._alike = decision, alike

    def _find_missed(
        self, history: list[HistoryEntry], decision: DecisionStatus | None
    ) -> list[HistoryEntry]:
        if self._number is None:
            return []
        newer = [entry for entry in history if entry.number > self._number]
        told = (decision.time, decision.action) if decision is not None else None
        return [entry for entry in newer if (entry.time, entry.action) != told]


def to_line(told: Told) -> str:
    """One line for a log: when, which group, where it is, what was decided and on what."""
    decision = told.decision
    place = [f"{told.split}", *(_to_place(told.split) if told.is_last else [])]
    words = [to_rfc3339(decision.time), *place, decision.action.upper().ljust(_WIDTH)]
    evidence = _to_evidence(told) if told.is_last else []
    by = [f"by={decision.by}"] if decision.by else []
    return " ".join([*words, *evidence, decision.reason, *by])


def to_entry(told: Told) -> dict[str, Any]:
    """The same as an object for a machine, with all evidence."""
    split, rollout = told.split, told.split.status.rollout
    return {
        "namespace": split.namespace,
        "name": split.name,
        "rollout": rollout.id if rollout is not None else None,
        "step": rollout.step if rollout is not None else None,
        "steps": rollout.steps if rollout is not None else None,
        "weight": split.status.weight or None,
        **told.decision.model_dump(mode="json", by_alias=True),
    }


def find_canary_share(split: LiveSplit) -> str:
    """The canary's share in percent; "" where there is no canary."""
    status = split.status
    weights = {member.name: member.weight for member in status.members}
    weight = weights.get(status.canary)
    return f"{weight * FULL / status.total:g}" if weight is not None and status.total else ""


def _to_place(split: LiveSplit) -> list[str]:
    step, share = to_step(split.status.rollout), find_canary_share(split)
    return [*([f"step={step}"] if step else []), *([f"weight={share}"] if share else [])]


def _to_evidence(told: Told) -> list[str]:
    decision, found = told.decision, find_errors(told.split.status)
    if found is None or not decision.harm_needed:
        return []
    words = [f"{found.errors}/{found.requests}", f"{found.value}%", f"[{found.low},{found.high}]"]
    words.append(f"stable={found.stable_errors}/{found.stable_requests}")
    words += [f"ratio={found.ratio}"] if found.ratio else []
    words.append(f"harm={decision.harm or '-'}/{decision.harm_needed}")
    words.append(f"safety={decision.safety or '-'}/{decision.safety_needed or '-'}")
    return words


def _find_alike(split: LiveSplit, decision: DecisionStatus) -> tuple[object, ...]:
    """Holds that agree in all of this say the same."""
    rollout = split.status.rollout
    where = (rollout.id, rollout.state, rollout.step) if rollout is not None else None
    return (decision.action, decision.reason, where, split.status.weight)


def _to_decision(entry: HistoryEntry) -> DecisionStatus:
    return DecisionStatus(
        time=entry.time, action=entry.action, reason=entry.reason, message=entry.message, by=entry.by
    )
