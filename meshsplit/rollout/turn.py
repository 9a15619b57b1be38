"""One pass over a rollout: what it is given, and what it gathers on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from meshsplit.analysis.verdict import Verdict
from meshsplit.model import Group, Split
from meshsplit.rollout.history import append
from meshsplit.rollout.observation import Observation
from meshsplit.rollout.spec import GateSpec, RolloutSpec
from meshsplit.rollout.splits import list_members, to_thousandths
from meshsplit.rollout.state import Act, Decision, Record, RolloutState, Shown


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell, once: `name` is the same when it is told again after a restart."""

    name: str
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Call:
    """A gate to be called: POST `payload` as JSON. The answer comes back under the name `call`."""

    call: str
    gate: GateSpec
    payload: Mapping[str, Any]


@dataclass(slots=True)
class Turn:
    """The input of a pass, and the events, calls and seconds until the next pass that it asks for.

    `decisions` is how many had been made before it.
    """

    group: Group
    spec: RolloutSpec
    seen: Observation
    now: float
    decisions: int = 0
    events: list[Event] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        """The members there are."""
        return frozenset(member.name for member in self.group.members)

    @property
    def unready(self) -> frozenset[str]:
        """The members that may not get more than they have."""
        return frozenset(member.name for member in self.group.members if member.ready is False)

    @property
    def target(self) -> Split | None:
        """Where the split should end; None while that cannot be told, or the group may not change."""
        return None if self.group.refused is not None else self.group.target

    def tell(self, state: RolloutState, reason: str, message: str, warning: bool = False) -> None:
        """Ask for an Event that is no decision; told once a decision and reason."""
        name = f"{self.group.key.name}.{state.id or 'none'}.{state.decisions}.{reason.lower()}"
        self.events.append(Event(name, "Warning" if warning else "Normal", reason, message))


_EVENTS: dict[Act, tuple[str, bool]] = {
    Act.START: ("RolloutStarted", False),
    Act.PROMOTE: ("RolloutPromoted", False),
    Act.ROLLBACK: ("RolloutRolledBack", True),
    Act.ABORT: ("RolloutAborted", True),
    Act.FLIP: ("Flipped", False),
    Act.OVERRIDE: ("OverrideSet", False),
    Act.RELEASE: ("OverrideExpired", False),
    Act.PAUSE: ("RolloutPaused", False),
    Act.RESUME: ("RolloutResumed", False),
}
"""The reason of the Event that tells of an act, and whether it is a warning."""
_OTHERWISE = ("WeightChanged", False)


def decide(
    state: RolloutState,
    turn: Turn,
    act: Act,
    reason: str,
    message: str,
    *,
    goal: Split | None = None,
    given: Split | None = None,
    good: bool = False,
    by: str = "",
    note: str = "",
    verdict: Verdict | None = None,
) -> RolloutState:
    """Record that something is done, and why, in the state that does it.

    With a `goal` that is wanted from now on; `given` is what serves now when it is something else.
    """
    decision = _make_decision(state.decisions + 1, turn.now, act, reason, message, by, verdict)
    state = replace(state, decisions=decision.number, last=decision)
    told, warning = _EVENTS.get(act, _OTHERWISE)
    if act is not Act.ADOPT:
        turn.tell(state, told, f"{message}, by {by}" if by else message, warning)
    split = goal or given
    if split is None:
        return state
    split = list_members(split, turn.names)
    revisions = tuple((name, turn.seen.revisions.get(name, "")) for name in sorted(to_thousandths(split)))
    record = Record(
        decision.number, turn.now, act, reason, split, good, state.id, by, note or message, revisions
    )
    history = append(state.history, record)
    return replace(state, goal=split if goal is not None else state.goal, history=history)


def hold(
    state: RolloutState,
    turn: Turn,
    reason: str,
    message: str,
    *,
    verdict: Verdict | None = None,
    waiting: bool = False,
) -> RolloutState:
    """Say why nothing is done; with `waiting` the clock stands, since it is not for want of evidence.

    A decision without a verdict of its own keeps showing the evidence of the last one. What was done in the
    same pass stays the last decision.
    """
    last = state.last
    if last is not None and last.act is not Act.ADOPT and last.number > turn.decisions:
        return replace(state, waiting=reason if waiting else "")
    decision = _make_decision(state.decisions, turn.now, Act.HOLD, reason, message, "", verdict)
    if verdict is None and last is not None:
        if (last.act, last.reason, last.message) == (Act.HOLD, reason, message):
            decision = last
        else:
            decision = replace(
                decision,
                evidence=last.evidence,
                harm=last.harm,
                harm_needed=last.harm_needed,
                safety=last.safety,
                safety_needed=last.safety_needed,
            )
    return replace(state, last=decision, waiting=reason if waiting else "")


def _make_decision(
    number: int, at: float, act: Act, reason: str, message: str, by: str, verdict: Verdict | None
) -> Decision:
    if verdict is None:
        return Decision(number, at, act, reason, message, by)
    shown = tuple(
        Shown(
            f"{each.metric} {each.edge}".strip(),
            each.seen.canary_requests,
            each.seen.canary_bad,
            each.seen.stable_requests,
            each.seen.stable_bad,
            each.harm,
            each.safety,
            each.dry_run,
        )
        for each in verdict.evidence
    )
    evidence = (verdict.harm, verdict.harm_needed, verdict.safety, verdict.safety_needed)
    return Decision(number, at, act, reason, message, by, shown, *evidence)
