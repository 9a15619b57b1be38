"""The state of the cluster: objects, one growing resourceVersion, and what happened. No I/O, no clock."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.apiserver.collection import Collection, Key
from meshsplit.local.apiserver.eventlog import Event, EventLog
from meshsplit.local.apiserver.objects import Json
from meshsplit.local.apiserver.registry import Registry, storage_version
from meshsplit.local.apiserver.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Callable

# Above 1, so that a resourceVersion of another life of the cluster is answered with 410 and not believed.
FIRST_VERSION = 1000
# Events kept per kind; the real server keeps five minutes of them.
LOG_CAPACITY = 10_000


class Store:
    """All collections and logs; `clock` gives UTC, `uids` a new uid each time it is called."""

    def __init__(
        self,
        clock: Callable[[], datetime.datetime],
        uids: Callable[[], str],
        log_capacity: int = LOG_CAPACITY,
    ) -> None:
        self.registry = Registry()
        self.version = FIRST_VERSION
        self._clock = clock
        self.new_uid = uids
        self._capacity = log_capacity
        self._collections: dict[tuple[str, str], Collection] = {}
        self._logs: dict[tuple[str, str], EventLog] = {}
        self._dependents: dict[str, set[tuple[tuple[str, str], Key]]] = {}
        self._happened: list[tuple[tuple[str, str], Event]] = []

    def now(self) -> str:
        """RFC 3339 in whole seconds, as metadata carries it."""
        return self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def clock(self) -> datetime.datetime:
        """UTC."""
        return self._clock()

    def collection(self, resource: tuple[str, str]) -> Collection:
        """The objects of (group, plural)."""
        return self._collections.setdefault(resource, Collection())

    def log(self, resource: tuple[str, str]) -> EventLog:
        """The events of (group, plural)."""
        if resource not in self._logs:
            self._logs[resource] = EventLog(self._capacity, FIRST_VERSION)
        return self._logs[resource]

    def get(self, resource: Resource, key: Key) -> Json | None:
        """The stored object, or None."""
        return self.collection(resource.key).get(key)

    def put(self, resource: Resource, stored: Json) -> Json:
        """Store under the next resourceVersion; the object as stored."""
        self.version += 1
        metadata = {**stored["metadata"], "resourceVersion": str(self.version)}
        stored = {**stored, "metadata": metadata}
        key = (metadata.get("namespace", ""), metadata["name"])
        before = self.collection(resource.key).get(key)
        self._record(resource.key, Event(self.version, key, before, stored))
        return stored

    def remove(self, resource: Resource, key: Key) -> None:
        """Take the object out, under the next resourceVersion; KeyError when it is not there."""
        before = self.collection(resource.key).get(key)
        if before is None:
            raise KeyError(key)
        self.version += 1
        self._record(resource.key, Event(self.version, key, before, None))

    def _record(self, resource: tuple[str, str], event: Event) -> None:
        self.log(resource)
        self._settle(resource, event)
        self._logs[resource].append(event)
        self._happened.append((resource, event))

    def _settle(self, resource: tuple[str, str], event: Event) -> None:
        held = self.collection(resource)
        for uid in _owners(event.before):
            self._dependents[uid].discard((resource, event.key))
        if event.after is None:
            held.remove(event.key)
        else:
            held.put(event.key, event.after)
            for uid in _owners(event.after):
                self._dependents.setdefault(uid, set()).add((resource, event.key))
        if resource == CRDS.key:
            self._serve(event)

    def _serve(self, event: Event) -> None:
        if event.after is not None:
            self.registry.define(event.after)
        elif event.before is not None:
            self.registry.forget(event.before)

    def dependents(self, uid: str) -> list[tuple[tuple[str, str], Key]]:
        """The objects that name an owner by uid, sorted."""
        return sorted(self._dependents.get(uid, ()))

    def has_uid(self, resource: Resource, key: Key, uid: str) -> bool:
        """Whether the object of that key is the one with that uid."""
        found = self.get(resource, key)
        return found is not None and found["metadata"]["uid"] == uid

    def storage_api_version(self, resource: Resource) -> str:
        """The apiVersion objects of a kind are stored with."""
        if not resource.custom:
            return resource.api_version
        crd = self.get(CRDS, ("", resource.qualified))
        version = storage_version(crd) if crd else resource.version
        return f"{resource.group}/{version}"

    def take_events(self) -> list[tuple[tuple[str, str], Event]]:
        """What happened since the last call."""
        happened, self._happened = self._happened, []
        return happened

    def restore(self, resource: tuple[str, str], stored: Json) -> None:
        """Put an object back as it was, without an event; CRDs before their objects or after."""
        key = (stored["metadata"].get("namespace", ""), stored["metadata"]["name"])
        self._settle(resource, Event(0, key, None, stored))

    def restore_version(self, version: int) -> None:
        """Go on from a version; watches from before it must list again."""
        self.version = max(self.version, version)
        self._logs = {key: EventLog(self._capacity, self.version) for key in self._collections}

    def compact(self) -> None:
        """Forget every event."""
        for log in self._logs.values():
            log.compact()


def _owners(stored: Json | None) -> list[str]:
    return [one["uid"] for one in stored["metadata"].get("ownerReferences") or ()] if stored else []
