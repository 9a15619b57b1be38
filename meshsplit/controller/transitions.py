"""Which Events a change of status is worth: one a transition, the same one again after a restart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from meshsplit.api import status as api
from meshsplit.controller.conditions import MEMBER_NOT_READY, ROUTE_REJECTED, show_share
from meshsplit.diagnostics import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from meshsplit.api.status import ConditionStatus, MemberStatus, ModelSplitStatus

SETTLE_SECONDS = 10.0
"""How long percentages may be wrong before anybody is told: two edits in a row are one change."""

WEIGHT_CHANGED, WEIGHTS_INVALID = "WeightChanged", "WeightsInvalid"
FOREIGN_VIRTUAL_SERVICE = "ForeignVirtualService"

_HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Happening:
    """One Event to be: `name` is the same for the same transition, so that it is told once."""

    name: str
    regarding: ObjectRef
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def find_happenings(
    split: ObjectRef, version: int, old: ModelSplitStatus, new: ModelSplitStatus, now: datetime
) -> tuple[tuple[Happening, ...], float]:
    """The Events of a pass, and the seconds until one that is not due yet (0: there is none).

    `version` is the resourceVersion of the ModelSplit that carries `old`.
    """
    due, later = [], 0.0
    for condition, happening in _find_troubles(split, new):
        age = (now - condition.last_transition_time).total_seconds()
        patience = SETTLE_SECONDS if happening.reason == WEIGHTS_INVALID else 0.0
        if age >= patience:
            due.append(happening)
        else:
            later = max(later, patience - age)
    due += _find_changes(split, version, old, new)
    return tuple(due), later


def make_name(stem: str, *parts: object) -> str:
    """The name of an Event: the object's, with a hash of what happened."""
    text = "\0".join(map(str, parts))
    return f"{stem}.{hashlib.blake2b(text.encode()).hexdigest()[:_HASH_DIGITS]}"


def _find_changes(
    split: ObjectRef, version: int, old: ModelSplitStatus, new: ModelSplitStatus
) -> Iterator[Happening]:
    changes = _list_changes(old, new)
    if changes:
        name = make_name(split.name, WEIGHT_CHANGED, version, changes)
        yield Happening(name, split, "Normal", WEIGHT_CHANGED, changes)


def _list_changes(old: ModelSplitStatus, new: ModelSplitStatus) -> str:
    before = {member.name: _share(member, old.total) for member in old.members}
    after = {member.name: _share(member, new.total) for member in new.members}
    names = [name for name in sorted(before | after) if before.get(name, "") != after.get(name, "")]
    return ", ".join(f"{name} {before.get(name) or '-'} → {after.get(name) or '-'}" for name in names)


def _share(member: MemberStatus, total: int) -> str:
    return "" if member.weight is None else show_share(member.weight, total)


def _find_troubles(split: ObjectRef, new: ModelSplitStatus) -> Iterator[tuple[ConditionStatus, Happening]]:
    weights, routes = new.condition(api.WEIGHTS_VALID), new.condition(api.ROUTES_ACCEPTED)
    ready = new.condition(api.READY)
    if weights is not None and weights.status == "False":
        members = [ObjectRef("InferenceService", split.namespace, member.name) for member in new.members]
        for regarding in (split, *members):
            yield weights, _warn(regarding, weights, WEIGHTS_INVALID)
    if routes is not None and routes.status == "False":
        foreign = routes.reason == FOREIGN_VIRTUAL_SERVICE
        yield routes, _warn(split, routes, FOREIGN_VIRTUAL_SERVICE if foreign else ROUTE_REJECTED)
    if ready is not None and ready.reason == MEMBER_NOT_READY:
        yield ready, _warn(split, ready, MEMBER_NOT_READY)
        for member in new.members:
            if member.ready is False and (member.target_weight or 0) > (member.weight or 0):
                ref = ObjectRef("InferenceService", split.namespace, member.name)
                yield ready, _warn(ref, ready, MEMBER_NOT_READY)
    if ready is not None and ready.status == "False" and ready.reason == "Refused":
        yield ready, _warn(split, ready, ROUTE_REJECTED)


def _warn(regarding: ObjectRef, condition: ConditionStatus, reason: str) -> Happening:
    since = condition.last_transition_time.isoformat()
    name = make_name(regarding.name, condition.type, condition.reason, since)
    return Happening(name, regarding, "Warning", reason, condition.message)
