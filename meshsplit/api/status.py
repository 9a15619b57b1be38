"""The status of a ModelSplit: what the controller reports, read back by itself, the verbs and kubectl.

Bounds are the CRD's. Reading is lenient: a status written by a newer version must not stop an older one.
"""

from typing import Annotated, Literal

from pydantic import Field

from meshsplit.api.fields import MAX_TEXT
from meshsplit.api.structural import keyed_by
from meshsplit.api.wire import Time, Wire

MAX_MESSAGE = 1024
"""Characters of a condition's message; Kubernetes allows 32768, a table and an Event take far less."""
MAX_STATUS_MEMBERS = 256
"""Members that are listed; a tagged group may have more, a ModelSplit lists far fewer."""
MAX_CONDITIONS = 16

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
WEIGHTS_VALID = "WeightsValid"
ROUTES_ACCEPTED = "RoutesAccepted"

Word = Annotated[str, Field(max_length=MAX_TEXT)]
Message = Annotated[str, Field(max_length=MAX_MESSAGE)]
Weight = Annotated[int, Field(ge=0, le=1000)]
"""Of the split's total: 100, or 1000 for per mille."""


class ConditionStatus(Wire):
    """One condition (kstatus): `Ready` and the others above."""

    type: Word
    status: Literal["True", "False", "Unknown"]
    reason: Word
    message: Message = ""
    observed_generation: int = 0
    last_transition_time: Time


class MemberStatus(Wire):
    """One member: where its share should end, what Istio is told now, whether it can serve."""

    name: Word
    role: Literal["stable", "canary", "member"] = "member"
    target_weight: Weight | None = None
    weight: Weight | None = None
    ready: bool | None = None


class ModelSplitStatus(Wire):
    """Everything of one group. `strategy`, `stable`, `canary`, `weight` and `target` are the printed columns.

    `weight` and `target` list the shares with the stable member first and the others by name: "90 / 10".
    `total` is what the weights of `members` add up to.
    """

    observed_generation: int = 0
    strategy: Word = ""
    stable: Word = ""
    canary: Word = ""
    weight: Word = ""
    target: Word = ""
    total: Weight = 100
    members: Annotated[
        list[MemberStatus], Field(max_length=MAX_STATUS_MEMBERS, json_schema_extra=keyed_by("name"))
    ] = Field(default_factory=list)
    conditions: Annotated[
        list[ConditionStatus], Field(max_length=MAX_CONDITIONS, json_schema_extra=keyed_by("type"))
    ] = Field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        """Whether traffic is routed as it is meant to be."""
        ready = self.condition(READY)
        return ready is not None and ready.status == "True"

    def condition(self, kind: str) -> ConditionStatus | None:
        """The condition of that type, if it is there."""
        return next((condition for condition in self.conditions if condition.type == kind), None)
