"""What a watch sees: the events of one kind through its selectors, and bookmarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.eventlog import ADDED, DELETED, MODIFIED, Event
from meshsplit.local.apiserver.objects import Json, copy_of
from meshsplit.local.apiserver.reads import list_objects, selection
from meshsplit.local.apiserver.status import Refused
from meshsplit.local.apiserver.writes import in_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsplit.local.apiserver.operation import Operation
    from meshsplit.local.apiserver.selectors import Matches
    from meshsplit.local.apiserver.store import Store

BOOKMARK = "BOOKMARK"
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(slots=True)
class Watch:
    """A position in the events of one kind; `position` is the last resourceVersion seen."""

    store: Store
    op: Operation
    position: int
    matches: Matches = field(init=False)

    def __post_init__(self) -> None:
        self.matches = selection(self.op)

    def existing(self) -> Iterator[tuple[str, Json]]:
        """The objects there are now, as ADDED; the watch goes on after them."""
        self.position = self.store.version
        for item in list_objects(self.store, self.op).body["items"]:
            yield ADDED, item

    def news(self) -> Iterator[tuple[str, Json]]:
        """The events since the last call; Refused (410) when some are forgotten."""
        events = self.store.log(self.op.resource.key).since(self.position, self.store.version)
        self.position = self.store.version
        for event in list(events):
            seen = self._seen(event)
            if seen:
                yield seen[0], in_version(seen[1], self.op)

    def _seen(self, event: Event) -> tuple[str, Json] | None:
        if self.op.namespace and event.key[0] != self.op.namespace:
            return None
        before = event.before is not None and self.matches(event.before)
        if event.after is not None and self.matches(event.after):
            return (MODIFIED if before else ADDED), event.after
        if before and event.before is not None:
            # Gone, or out of the selector: the last object that was seen, at the version of its end.
            last: Json = copy_of(event.before)
            last["metadata"]["resourceVersion"] = str(event.version)
            return DELETED, last
        return None

    def bookmark(self, *, initial: bool = False) -> tuple[str, Json]:
        """Where the watch stands."""
        metadata: Json = {"resourceVersion": str(self.position)}
        if initial:
            metadata["annotations"] = {_INITIAL_EVENTS_END: "true"}
        body = {"kind": self.op.resource.kind, "apiVersion": self.op.resource.api_version}
        return BOOKMARK, {**body, "metadata": metadata}


def to_position(text: str) -> int:
    """The resourceVersion a watch asks for; 0 and none mean: from the objects there are."""
    if text and not text.isdecimal():
        message = (
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
        raise Refused(500, "", message)
    return int(text or 0)
