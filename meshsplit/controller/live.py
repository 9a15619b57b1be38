"""Our own objects as the server holds them, decoded once when they arrive."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from meshsplit.api.status import ModelSplitStatus
from meshsplit.api.wire import to_version
from meshsplit.canonical import to_canonical
from meshsplit.istio import names
from meshsplit.istio.digest import digest
from meshsplit.istio.gitops import find_tracking
from meshsplit.istio.observed import is_made_here, is_ours
from meshsplit.kserve.observed import SplitReading, read
from meshsplit.kube.port import FIELD_MANAGER
from meshsplit.model import GroupKey, Split
from meshsplit.rollout.requests import Request, to_request
from meshsplit.rollout.requests import Unreadable as UnreadableRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.model import Settings

MIRROR = "meshsplit.dev/mirror"
"""Label "true": the ModelSplit was made by the controller for a group that has none."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Whoever runs `kubectl apply` on an object leaves this, whether a field changed or not."""

TOTALS = (100, 1000)

_PARSED = 256
"""Statuses that are kept as objects, which take seven times the memory of their text: those of the passes of
now."""

Body = dict[str, Any]


def to_text(status: Mapping[str, Any]) -> str:
    """One text for equal statuses as they are written."""
    return to_canonical(status).decode(errors="surrogatepass")


@dataclass(frozen=True, slots=True)
class LiveSplit:
    """A ModelSplit: what it asks for, and what was last reported on it.

    `reported` is the text of its status, "" when there is none, and `walked` whether that holds the state of
    a rollout. `mirror` is True for one that the controller made, `taken_over` when a user has since applied
    their own. `request` is what a person asks of its rollout.
    """

    reading: SplitReading
    version: int = field(compare=False)
    generation: int
    reported: str
    walked: bool
    mirror: bool
    taken_over: bool
    deleting: bool
    request: Request | UnreadableRequest | None

    @property
    def status(self) -> ModelSplitStatus:
        """What was last reported; the empty status where nothing that can be read was."""
        return _parse(self.reported) or ModelSplitStatus()

    @property
    def has_status(self) -> bool:
        """Whether something was reported that can be read."""
        return _parse(self.reported) is not None

    @property
    def since(self) -> dict[str, tuple[str, str]]:
        """By the type of each condition its status and, as text, since when it is so."""
        try:
            conditions = orjson.loads(self.reported or "{}")["conditions"]
            return {each["type"]: (each["status"], each["lastTransitionTime"]) for each in conditions}
        except (KeyError, TypeError, ValueError):
            return {}

    @property
    def checkpoint(self) -> str:
        """The state of its rollout as text; empty when there was none."""
        return self.status.checkpoint if self.walked else ""

    @property
    def is_own_mirror(self) -> bool:
        """Whether it is the controller's to delete."""
        return self.mirror and not self.taken_over

    @property
    def key(self) -> GroupKey:
        """The group it is about."""
        return GroupKey(self.reading.split.ref.namespace, self.reading.split.group)

    @property
    def members(self) -> tuple[str, ...]:
        """The InferenceServices it lists by name."""
        split = self.reading.split
        return split.members if hasattr(split, "members") else tuple(name for name, _ in split.weights)


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """A VirtualService. `foreign` is the object when it is somebody else's.

    `group` and `model` say whose routes it holds, `split` is what it says it serves. `edited` is True when
    somebody else has written that, so that it cannot be relied on. `tracking` are the labels and annotations
    by which Argo CD counts it as its own.
    """

    api_version: str
    namespace: str
    name: str
    uid: str
    created: str
    version: int = field(compare=False)
    made_here: bool
    ours: bool
    digest: bytes
    group: str | None
    model: str | None
    split: Split | None
    edited: bool
    tracking: tuple[tuple[str, str, str], ...]
    foreign: Body | None

    @property
    def tracked(self) -> bool:
        """Whether Argo CD counts it as its own."""
        return bool(self.tracking)

    @property
    def body(self) -> Body:
        """The object: whole when it is somebody else's, else as far as others decide about it.

        That is enough to be told from a file, to be older or younger than another, and to be tracked.
        """
        if self.foreign is not None:
            return self.foreign
        return {
            "apiVersion": self.api_version,
            "kind": "VirtualService",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "uid": self.uid,
                "creationTimestamp": self.created,
                "labels": {names.MANAGED_BY: names.MANAGER, **self._track("labels")},
                "annotations": self._track("annotations"),
            },
            "spec": {},
        }

    def _track(self, where: str) -> dict[str, str]:
        return {key: "" for _, place, key in self.tracking if place == where}

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, namespace and name."""
        return "VirtualService", self.namespace, self.name


def to_live_split(body: Body, settings: Settings, before: LiveSplit | None = None) -> LiveSplit:
    """Decode a ModelSplit; a status that cannot be read counts as none.

    What it asks for is not read again when it is the same as in `before`.
    """
    metadata = body["metadata"]
    status = body.get("status")
    return LiveSplit(
        reading=_read_spec(body, settings, before),
        version=to_version(metadata),
        generation=int(metadata.get("generation") or 0),
        reported=to_text(status) if status else "",
        walked=bool(_strings(status).get("checkpoint")),
        mirror=_label(metadata, MIRROR) == "true",
        taken_over=_is_taken_over(metadata),
        deleting=metadata.get("deletionTimestamp") is not None,
        request=to_request(_strings(metadata.get("annotations"))),
    )


def to_live_route(body: Body) -> LiveRoute:
    """Decode a VirtualService."""
    metadata = body["metadata"]
    annotations = _strings(metadata.get("annotations"))
    mine = is_made_here(body)
    return LiveRoute(
        api_version=sys.intern(body["apiVersion"]),
        namespace=sys.intern(metadata.get("namespace") or ""),
        name=metadata["name"],
        uid=metadata.get("uid") or "",
        created=metadata.get("creationTimestamp") or "",
        version=to_version(metadata),
        made_here=mine,
        ours=is_ours(body),
        digest=digest(body),
        group=annotations.get(names.MODEL_TAG) if mine else None,
        model=_label(metadata, names.INFERENCESERVICE_NAME) if mine else None,
        split=to_split(annotations.get(names.WEIGHTS, "")) if mine else None,
        edited=_is_annotation_of_others(metadata, names.WEIGHTS),
        tracking=tuple(find_tracking(body)),
        foreign=None if mine else body,
    )


def to_split(text: str) -> Split | None:
    """Read `a=80,b=20` as it stands in the annotation; None when it is no split."""
    weights: dict[str, int] = {}
    for part in text.split(","):
        name, _, digits = part.partition("=")
        if not name or name in weights or not digits.isascii() or not digits.isdecimal():
            return None
        weights[name] = int(digits)
    total = sum(weights.values())
    return Split(tuple(sorted(weights.items())), total) if total in TOTALS else None


def from_status(status: ModelSplitStatus) -> Split | None:
    """The split that was last reported to serve."""
    text = ",".join(
        f"{member.name}={member.weight}" for member in status.members if member.weight is not None
    )
    return to_split(text)


def _read_spec(body: Body, settings: Settings, before: LiveSplit | None) -> SplitReading:
    """What it asks for, which is another one only where the server counts another generation."""
    metadata = body["metadata"]
    if before is not None:
        same = (before.reading.split.identity.uid, before.generation)
        if all(same) and same == (metadata.get("uid"), metadata.get("generation")):
            return before.reading
    reading = read(body, settings)
    if not isinstance(reading, SplitReading):
        raise TypeError(f"{body['kind']} is no ModelSplit")
    return reading


@lru_cache(_PARSED)
def _parse(reported: str) -> ModelSplitStatus | None:
    """The status that was reported; None where nothing that can be read was."""
    try:
        return ModelSplitStatus.model_validate(orjson.loads(reported)) if reported else None
    except ValueError:
        return None


def _label(metadata: Mapping[str, Any], key: str) -> str | None:
    return _strings(metadata.get("labels")).get(key)


def _strings(values: Any) -> dict[str, str]:
    return values if isinstance(values, dict) else {}


def _is_taken_over(metadata: Mapping[str, Any]) -> bool:
    """Whether anybody but the controller has written the spec, or applied the object as a whole."""
    if LAST_APPLIED in _strings(metadata.get("annotations")):
        return True
    return any("f:spec" in entry.get("fieldsV1", {}) for entry in _entries_of_others(metadata))


def _is_annotation_of_others(metadata: Mapping[str, Any], key: str) -> bool:
    return any(
        f"f:{key}" in entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:annotations", {})
        for entry in _entries_of_others(metadata)
    )


def _entries_of_others(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = metadata.get("managedFields") or []
    return [
        entry for entry in entries if entry.get("manager") != FIELD_MANAGER and not entry.get("subresource")
    ]
