"""Kubernetes' Events about ModelSplits and their members, whichever way their times are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.cluster import Object
from meshsplit.cli.kinds import INFERENCE_SERVICES, MODEL_SPLITS
from meshsplit.cli.splits import LiveSplit, mapping, to_time
from meshsplit.kube.port import FIELD_MANAGER

_TIMES = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("firstTimestamp",))
"""Where an Event has its time, the latest first; which of them are set depends on who wrote it."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """One Event; `namespace`, `kind` and `name` are those of the object that it is about.

    `version` orders what was told in the same second.
    """

    namespace: str
    kind: str
    name: str
    time: datetime | None
    type: str
    reason: str
    message: str
    count: int
    source: str
    version: int


def to_event(body: Object) -> ToldEvent:
    """The Event as the API wrote it; never raises for what is in it."""
    about = mapping(body, "involvedObject")
    series = mapping(body, "series").get("count")
    version = str(body["metadata"].get("resourceVersion") or "")
    count = series if isinstance(series, int) else body.get("count")
    return ToldEvent(
        namespace=str(about.get("namespace") or body["metadata"].get("namespace") or ""),
        kind=str(about.get("kind") or ""),
        name=str(about.get("name") or ""),
        time=_find_time(body),
        type=str(body.get("type") or ""),
        reason=str(body.get("reason") or ""),
        message=str(body.get("message") or ""),
        count=count if isinstance(count, int) else 1,
        source=str(mapping(body, "source").get("component") or body.get("reportingComponent") or ""),
        version=int(version) if version.isdecimal() else 0,
    )


def choose_events(
    told: Iterable[ToldEvent], splits: Sequence[LiveSplit], name: str | None, *, others: bool
) -> list[ToldEvent]:
    """The Events of these ModelSplits and their members, the newest last.

    With `others` also those of ModelSplits that are gone by now, of that name if one is given, and what
    meshsplit said of InferenceServices that are no members any more.
    """
    chosen = {(split.namespace, MODEL_SPLITS.kind, split.name) for split in splits}
    for split in splits:
        chosen |= {(split.namespace, INFERENCE_SERVICES.kind, member) for member in find_members(split)}

    def is_wanted(event: ToldEvent) -> bool:
        if (event.namespace, event.kind, event.name) in chosen:
            return True
        if not others:
            return False
        if event.kind == MODEL_SPLITS.kind:
            return name in (None, event.name)
        return name is None and event.kind == INFERENCE_SERVICES.kind and event.source == FIELD_MANAGER

    wanted = filter(is_wanted, told)
    return sorted(wanted, key=lambda event: (event.time or _NEVER, event.version))


def find_members(split: LiveSplit) -> set[str]:
    """The names of members, as the status has them and as the spec lists them."""
    listed = mapping(split.body, "spec").get("members")
    written = (
        [each.get("name") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    )
    return {*(member.name for member in split.status.members), *map(str, written)}


def to_event_report(event: ToldEvent) -> dict[str, Any]:
    """The Event as an entry of an EventsReport."""
    return {
        "time": None if event.time is None else to_rfc3339(event.time),
        "type": event.type,
        "reason": event.reason,
        "object": {"kind": event.kind, "namespace": event.namespace, "name": event.name},
        "message": event.message,
        "count": event.count,
        "source": event.source or None,
    }


def _find_time(body: Object) -> datetime | None:
    for *path, field in _TIMES:
        time = to_time(mapping(body, *path).get(field))
        if time is not None:
            return time
    return to_time(body["metadata"].get("creationTimestamp"))
