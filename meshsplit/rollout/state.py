"""The state of one group's rollout: a value, kept as JSON (`storage.py`) between any two passes."""

from dataclasses import dataclass
from enum import StrEnum

from meshsplit.model import Split
from meshsplit.rollout.leg import Leg


class Phase(StrEnum):
    """Where the group's last rollout is."""

    STEADY = "Steady"
    """There is none: the target serves, or there never was one."""
    PENDING = "Pending"
    """It has not moved any traffic yet."""
    PROGRESSING = "Progressing"
    AWAITING_PROMOTION = "AwaitingPromotion"
    """The evidence is in, or is not asked for; a person has to promote."""
    INCONCLUSIVE = "Inconclusive"
    """It took too long; the weight is held, and only promotion by evidence or a person ends it."""
    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"


ACTIVE = frozenset({Phase.PENDING, Phase.PROGRESSING, Phase.AWAITING_PROMOTION, Phase.INCONCLUSIVE})
"""Phases of a rollout that has not ended."""
UNDER_WAY = ACTIVE - {Phase.PENDING}
"""Phases of a rollout that has moved traffic, or is ready to."""


class Act(StrEnum):
    """What a decision did. All but the last three change the split, as far as members are ready for it."""

    ADOPT = "Adopt"
    """Took over what served when the group was first seen."""
    APPLY = "Apply"
    START = "Start"
    ADVANCE = "Advance"
    PROMOTE = "Promote"
    ROLLBACK = "Rollback"
    ABORT = "Abort"
    REVERT = "Revert"
    """Went back at once because the target did."""
    RESTART = "Restart"
    """Went back to the start because the target or the canary's revision changed under way."""
    FLIP = "Flip"
    OVERRIDE = "Override"
    RELEASE = "Release"
    """Ended an override."""
    REBALANCE = "Rebalance"
    """Gave a member's traffic to others, or back, because it left, or was not ready, or is again."""
    HOLD = "Hold"
    PAUSE = "Pause"
    RESUME = "Resume"


@dataclass(frozen=True, slots=True)
class Shown:
    """The evidence of one metric behind a decision; counts of the whole rollout."""

    metric: str
    canary_requests: float
    canary_bad: float
    stable_requests: float
    stable_bad: float
    harm: float
    safety: float | None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided last and why; `number` counts the decisions of the group that did something.

    `harm`, `safety` and what is needed of each are those of all deciding metrics together.
    """

    number: int
    at: float
    act: Act
    reason: str
    message: str = ""
    by: str = ""
    evidence: tuple[Shown, ...] = ()
    harm: float | None = None
    harm_needed: float | None = None
    safety: float | None = None
    safety_needed: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One change of the split in the group's history; a `good` one may be gone back to.

    `revisions` are those of the members that served, by name.
    """

    number: int
    at: float
    act: Act
    reason: str
    split: Split
    good: bool = False
    rollout: str = ""
    by: str = ""
    note: str = ""
    revisions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A target that is not walked to again by itself, unless the canary's revision changes."""

    target: Split
    why: str
    canary: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A person's pause; when it freezes, a breach does not roll back either."""

    at: float
    freeze: bool = False
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """A person's split until a time (Unix seconds)."""

    split: Split
    until: float
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """The side that served before a flip, and until when it is to be kept for a quick way back."""

    member: str
    until: float


@dataclass(frozen=True, slots=True)
class GateCall:
    """A call of a gate: when it was asked for last, how often, and the answer if there is one."""

    call: str
    asked_at: float
    attempts: int = 1
    opened: bool | None = None
    answered_at: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a person's request."""

    token: str
    accepted: bool
    message: str


@dataclass(frozen=True, slots=True)
class Measure:
    """The measuring of a rollout under way; times in seconds on its own clock, which stands while it waits.

    `weight` is the canary's in thousandths, set at `since` and read `reads` times; `elapsed` is now. `trial`
    is the test's checkpoint as JSON, made by the rules that `rules` marks; `edges` are those of the latency
    metrics, by name and whether they gate. `blind` counts reads in a row without evidence. `bursts` are the
    intra-class correlations of stable's errors before the rollout, by metric.
    """

    weight: int
    trial: str
    rules: str
    started_at: float
    elapsed: float = 0.0
    since: float = 0.0
    reads: int = 0
    read_at: float | None = None
    blind: int = 0
    edges: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...] = ()
    bursts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class RolloutState:
    """Everything that is remembered of a group between two passes.

    `goal` is the split that is wanted, `serving` what is given, which differs while a member is not ready or
    an override lasts. `id` is that of the last rollout, the `rollouts`-th of the group. `waiting` says why
    the rollout's clock stands, "" while it runs. `cursor` belongs to whoever reads metrics, and is kept with
    the test that has used what was read. `handled` is the request that was answered last.
    """

    phase: Phase = Phase.STEADY
    serving: Split | None = None
    goal: Split | None = None
    target: Split | None = None
    id: str = ""
    rollouts: int = 0
    leg: Leg | None = None
    revision: str = ""
    measure: Measure | None = None
    waiting: str = ""
    seen_at: float | None = None
    cursor: str = ""
    gates: tuple[GateCall, ...] = ()
    rejection: Rejection | None = None
    pause: Pause | None = None
    override: Override | None = None
    kept: Kept | None = None
    history: tuple[Record, ...] = ()
    decisions: int = 0
    last: Decision | None = None
    handled: Answer | None = None

    @property
    def active(self) -> bool:
        """Whether a rollout has not ended."""
        return self.phase in ACTIVE

    @property
    def takes_slot(self) -> bool:
        """Whether it counts among the rollouts that may run at the same time."""
        return self.phase in UNDER_WAY and self.measure is not None
