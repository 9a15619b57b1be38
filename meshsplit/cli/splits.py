"""A ModelSplit as it is in a cluster: its status in words, and what of it wants attention."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from meshsplit.api.status import (
    PROMOTED,
    READY,
    RECONCILING,
    STALLED,
    WEIGHTS_VALID,
    ConditionStatus,
    ModelSplitStatus,
)
from meshsplit.api.wire import Time, Wire, to_rfc3339
from meshsplit.cli.cluster import Object

_ROLLOUT_PARTS = (
    ("rollout", "rollout"),
    ("lastDecision", "last_decision"),
    ("override", "override"),
    ("pause", "pause"),
    ("rejectedTarget", "rejected_target"),
    ("kept", "kept"),
)
"""Parts of a status in a report, by the name they have there; null where there is no such thing."""

NO_STATUS = "its status is empty: no controller has looked at it"

_TIME: TypeAdapter[datetime] = TypeAdapter(Time)


@dataclass(frozen=True, slots=True)
class LiveSplit:
    """One ModelSplit; `problem` says why its status cannot be read, in which case `status` is empty."""

    namespace: str
    name: str
    group: str
    strategy: str
    generation: int
    created: datetime | None
    status: ModelSplitStatus
    body: Object
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def ready(self) -> ConditionStatus | None:
        """The condition Ready, whose reason is the split's status in one word."""
        return self.status.condition(READY)

    @property
    def weight(self) -> str:
        """The shares that serve, with "!" while what is asked for is not valid."""
        valid = self.status.condition(WEIGHTS_VALID)
        wrong = valid is not None and valid.status == "False"
        return f"{self.status.weight}!" if wrong and self.status.weight else self.status.weight

    @property
    def attention(self) -> str:
        """What a person should look at, "" when nothing is wrong."""
        if self.problem:
            return self.problem
        if self.ready is None:
            return NO_STATUS
        stalled = self.status.condition(STALLED)
        if self.ready.status == "True" and (stalled is None or stalled.status != "True"):
            return ""
        told = self.ready if self.ready.status != "True" or stalled is None else stalled
        return told.message or told.reason

    @property
    def is_stale(self) -> bool:
        """Whether the object was changed after the controller last looked at it."""
        return self.ready is not None and self.status.observed_generation < self.generation

    @property
    def last_change(self) -> int:
        """The number of the last change of the split in the history, 0 for none."""
        return self.status.history[-1].number if self.status.history else 0

    @property
    def is_applied(self) -> bool:
        """Whether the split that was decided last is the one that serves."""
        if not self.status.history:
            return True
        served = {member.name: member.weight for member in self.status.members if member.weight}
        return served == to_weights(self.status.history[-1].weights)


def to_live_split(body: Object) -> LiveSplit:
    """The ModelSplit as the API wrote it; never raises for what is in spec or status."""
    metadata, spec = body["metadata"], mapping(body, "spec")
    status, problem = _read_status(body.get("status") or {})
    group = spec.get("modelTag")
    return LiveSplit(
        namespace=metadata.get("namespace") or "",
        name=metadata["name"],
        group=group if isinstance(group, str) and group else metadata["name"],
        strategy=status.strategy or _strategy_of(spec),
        generation=metadata.get("generation") or 0,
        created=to_time(metadata.get("creationTimestamp")),
        status=status,
        body=body,
        problem=problem,
    )


def to_split_report(split: LiveSplit) -> dict[str, Any]:
    """The split as an entry of a SplitReport."""
    status, ready = split.status, split.ready
    return {
        "namespace": split.namespace,
        "name": split.name,
        "group": split.group,
        "strategy": split.strategy,
        "ready": None if ready is None else ready.status,
        "status": None if ready is None else ready.reason,
        "attention": split.attention or None,
        "stable": status.stable or None,
        "canary": status.canary or None,
        "weight": status.weight or None,
        "target": status.target or None,
        "total": status.total,
        "created": None if split.created is None else to_rfc3339(split.created),
        "generation": split.generation,
        "observedGeneration": status.observed_generation,
        "members": [
            {
                "name": member.name,
                "role": member.role,
                "targetWeight": member.target_weight,
                "weight": member.weight,
                "measuredPercent": member.measured_percent,
                "ready": member.ready,
            }
            for member in status.members
        ],
        "conditions": [_to_entry(condition) for condition in status.conditions],
        **{name: _to_plain(getattr(status, field)) for name, field in _ROLLOUT_PARTS},
        "history": [_to_plain(entry) for entry in status.history],
    }


def is_well(condition: ConditionStatus) -> bool:
    """Whether a condition is as it should be: of kstatus' two False, of Promoted anything but False."""
    if condition.type == PROMOTED:
        return condition.status != "False"
    return condition.status == ("False" if condition.type in {RECONCILING, STALLED} else "True")


def mapping(body: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The mapping at a path; empty when something else, or nothing, is there."""
    value: Any = body
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def to_time(text: object) -> datetime | None:
    """A Kubernetes time; None for anything else."""
    try:
        return _TIME.validate_python(text)
    except ValidationError:
        return None


def _read_status(written: object) -> tuple[ModelSplitStatus, str]:
    try:
        return ModelSplitStatus.model_validate(written), ""
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("status", *first["loc"])))
        return ModelSplitStatus(), f"its status is of another version: {where}: {first['msg']}"


def _strategy_of(spec: Mapping[str, Any]) -> str:
    strategy = mapping(spec, "strategy")
    named = [word for key, word in (("canary", "Canary"), ("blueGreen", "BlueGreen")) if key in strategy]
    return named[0] if named else "Static"


def _to_plain(part: Wire | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json", by_alias=True)


def _to_entry(condition: ConditionStatus) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": to_rfc3339(condition.last_transition_time),
    }


def to_weights(text: str) -> dict[str, int]:
    """Who has a share in `a=80,b=20`."""
    pairs = (part.rpartition("=") for part in text.split(","))
    return {name: int(weight) for name, _, weight in pairs if weight.isdigit() and int(weight)}
