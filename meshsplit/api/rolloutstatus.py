"""The parts of a ModelSplit's status that tell of its rollout.

They are for people and tools; the controller goes on from `checkpoint` alone.
"""

from typing import Annotated

from pydantic import Field

from meshsplit.api.fields import MAX_COUNT, Message, Word
from meshsplit.api.structural import keyed_by
from meshsplit.api.wire import Time, Wire

MAX_HISTORY = 10
MAX_SHOWN = 64
"""Metrics of a decision, a latency metric with its edges counted once each."""
MAX_CHECKPOINT = 262_144
"""Characters: a sixth of what etcd takes for an object; a test of sixteen metrics takes a tenth of it."""
MAX_REQUESTS = 1_000_000_000_000_000
"""Requests of one rollout (`analysis.counts.LARGEST`)."""
MAX_SPLIT = 16_384
"""Characters of a split as text: 64 members with names of 253 characters."""

SplitText = Annotated[str, Field(max_length=MAX_SPLIT)]
"""A split as `a=80,b=20`; in thousandths where it adds up to 1000."""
Number = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Requests = Annotated[int, Field(ge=0, le=MAX_REQUESTS)]
Figure = Annotated[str, Field(max_length=24)]
"""A decimal in quotes, as Kubernetes' are."""


class RolloutStatus(Wire):
    """The rollout under way, or the last one. `steps` is 0 where the evidence sets the weights."""

    id: Word
    state: Word
    step: Number = 0
    steps: Number = 0
    started_at: Time | None = None
    failed_checks: Number = 0
    """Reads in a row that gave no evidence."""
    next_check_at: Time | None = None
    waiting: Word = ""
    """What it waits for other than evidence."""


class EvidenceStatus(Wire):
    """One metric: counts of the rollout, rates and their ratio with a 95 % interval for one look.

    Rates are percent. `harm` and `safety` are the metric's own evidence.
    """

    metric: Word
    member: Word
    requests: Requests
    errors: Requests
    value: Figure = ""
    low: Figure = ""
    high: Figure = ""
    stable_member: Word = ""
    stable_requests: Requests = 0
    stable_errors: Requests = 0
    stable_value: Figure = ""
    ratio: Figure = ""
    ratio_low: Figure = ""
    ratio_high: Figure = ""
    harm: Figure = ""
    safety: Figure = ""
    confidence: Figure = "0.95"
    dry_run: bool = False


class DecisionStatus(Wire):
    """What was decided last, and on what; evidence of `harmNeeded` rolls back, `safetyNeeded` promotes."""

    time: Time
    action: Word
    reason: Word
    message: Message = ""
    by: Word = ""
    harm: Figure = ""
    harm_needed: Figure = ""
    safety: Figure = ""
    safety_needed: Figure = ""
    evidence: Annotated[list[EvidenceStatus], Field(max_length=MAX_SHOWN)] = Field(default_factory=list)


class OverrideStatus(Wire):
    """A split that a person has set until a time."""

    weights: SplitText
    until: Time
    by: Word = ""
    reason: Message = ""


class PauseStatus(Wire):
    """A person's pause; a frozen rollout is not rolled back either."""

    since: Time
    freeze: bool = False
    by: Word = ""
    reason: Message = ""


class RejectedTarget(Wire):
    """A target that is not gone to again by itself: only another one, or `meshsplit retry`, ends that."""

    weights: SplitText
    reason: Word
    canary: Word = ""
    revision: Word = ""


class RequestStatus(Wire):
    """What became of the last request of a person."""

    token: Word
    accepted: bool
    message: Message = ""


class KeptStatus(Wire):
    """The side that served before a flip, to which `meshsplit rollback` goes back at once."""

    member: Word
    until: Time


class HistoryEntry(Wire):
    """One change of the split; `meshsplit rollback --to NUMBER` goes back to a good one."""

    number: Number
    time: Time
    action: Word
    reason: Word
    weights: SplitText
    good: bool = False
    rollout: Word = ""
    by: Word = ""
    message: Message = ""


class RolloutParts(Wire):
    """What a status says of the rollout. History is newest last."""

    rollout: RolloutStatus | None = None
    last_decision: DecisionStatus | None = None
    override: OverrideStatus | None = None
    pause: PauseStatus | None = None
    rejected_target: RejectedTarget | None = None
    request: RequestStatus | None = None
    kept: KeptStatus | None = None
    history: Annotated[
        list[HistoryEntry], Field(max_length=MAX_HISTORY, json_schema_extra=keyed_by("number"))
    ] = Field(default_factory=list)
    checkpoint: Annotated[str, Field(max_length=MAX_CHECKPOINT)] = ""
