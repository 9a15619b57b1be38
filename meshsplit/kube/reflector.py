"""List, then watch, for ever: a store that follows the objects of one resource type."""

from __future__ import annotations

import random as chance
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from meshsplit.kube.backoff import Backoff
from meshsplit.kube.port import PAGE_LIMIT, ApiError, EventType, Gone

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from meshsplit.kube.port import Item, ObjectKey, Reader, Resource, WatchEvent, WatchStream
    from meshsplit.kube.store import Store

T = TypeVar("T")
V = TypeVar("V")
K = TypeVar("K", bound="Hashable")

WATCH_BACKOFF = Backoff(base=0.8, cap=30.0)
"""After a list or watch that failed (client-go's reflector: 800 ms, doubling, 30 s)."""

WATCH_SECONDS = (300, 600)
"""How long the server is asked to keep a watch open, drawn at random so that watches do not end together
(client-go's reflector: 5 to 10 minutes)."""

LIVED_SECONDS = 1.0
"""A watch that ends sooner did not work (client-go's "very short watch")."""


def _ignore(_error: ApiError) -> None:
    """Report nowhere."""


class Reflector(Generic[T, K]):
    """Keeps `store` equal to what `api` has of `resource`; it owns `api` and stops by closing it.

    `decode` turns one object into a value, also where it cannot be read; it never raises.
    `on_touched` gets the group keys that a change touched, `on_error` each failed list or watch. `sleep`
    waits for an event for at most some seconds. `lists` and `watches` count.
    """

    def __init__(
        self,
        api: Reader,
        resource: Resource,
        decode: Callable[[dict[str, Any]], T],
        store: Store[T, K],
        on_touched: Callable[[frozenset[K]], object],
        *,
        namespace: str = "",
        labels: str = "",
        on_error: Callable[[ApiError], object] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = chance.random,
        sleep: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self.resource = resource
        self.synced = threading.Event()
        self.lists = 0
        self.watches = 0
        self._api = api
        self._decode = decode
        self._store = store
        self._on_touched = on_touched
        self._namespace = namespace
        self._labels = labels
        self._on_error = on_error
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._stopped = threading.Event()
        self._failures = 0

    def run(self) -> None:
        """Follow until `stop`; `synced` is set once the store has held a complete list."""
        version: str | None = None
        while not self._stopped.is_set():
            version = self._list() if version is None else self._watch(version)

    def stop(self) -> None:
        """End `run` at once, from any thread."""
        self._stopped.set()
        self._api.close()

    def catch_up(self, api: Reader) -> None:
        """Take in a list of now that `api` answers, from any thread, while `run` goes on as it does.

        A watch may be late by as long as its connection may be silent. Raises ApiError: what was read until
        then has been taken in.
        """
        version, listed = self._read_pages(api, self._take_listed)
        self._tell(self._store.retain(listed.keys(), _to_number(version)))

    def _list(self) -> str | None:
        """The resourceVersion of a complete list that is now in the store; None when there is none."""
        self.lists += 1
        try:
            version, values = self._read_pages(self._api, lambda item: self._decode(item.body))
        except ApiError as error:
            self._pause(error)
            return None
        if not self._stopped.is_set():
            self._on_touched(self._store.replace(values, _to_number(version)))
            self.synced.set()
        return version

    def _read_pages(self, api: Reader, read: Callable[[Item], V]) -> tuple[str, dict[ObjectKey, V]]:
        """The resourceVersion of a complete list, and what `read` makes of each of its objects."""
        values: dict[ObjectKey, V] = {}
        limit, token = PAGE_LIMIT, ""
        while True:
            try:
                page = api.list_page(
                    self.resource,
                    namespace=self._namespace,
                    labels=self._labels,
                    limit=limit,
                    continue_token=token,
                )
            except Gone:
                if not token:
                    raise
                # What the pages are cut from was compacted while we read; one whole answer cannot expire.
                values, limit, token = {}, 0, ""
                continue
            values.update((item.key, read(item)) for item in page.items)
            token = page.continue_token
            if not token:
                return page.resource_version, values

    def _watch(self, version: str) -> str | None:
        """Follow one watch to its end; where to go on, None when only a list helps."""
        self.watches += 1
        opened: float | None = None
        failure: ApiError | None = None
        going_on: str | None = version
        try:
            with closing(self._open(version)) as stream:
                opened = self._clock()
                for event in stream:
                    going_on = event.item.resource_version
                    self.take(event)
        except Gone as error:
            going_on, failure = None, error
        except ApiError as error:
            failure = error
        if opened is not None and self._clock() - opened > LIVED_SECONDS:
            self._failures = 0
            self._report(failure)
        else:
            self._pause(failure)
        return going_on

    def _open(self, version: str) -> WatchStream:
        low, high = WATCH_SECONDS
        return self._api.watch(
            self.resource,
            namespace=self._namespace,
            labels=self._labels,
            resource_version=version,
            timeout_seconds=low + int(self._random() * (high - low + 1)),
        )

    def take(self, event: WatchEvent) -> None:
        """Take in what happened to one object."""
        if event.type is EventType.BOOKMARK or self._stopped.is_set():
            return
        self._failures = 0
        self._on_touched(self._store_one(event.type, event.item))

    def _store_one(self, kind: EventType, item: Item) -> frozenset[K]:
        version = _to_number(item.resource_version)
        if kind is EventType.DELETED:
            return self._store.delete(item.key, version)
        if self._store.is_known(item.key, version):
            return frozenset()
        return self._store.upsert(item.key, self._decode(item.body), version)

    def _take_listed(self, item: Item) -> None:
        self._tell(self._store_one(EventType.ADDED, item))

    def _tell(self, touched: frozenset[K]) -> None:
        """Most of what is read anew is known."""
        if touched:
            self._on_touched(touched)

    def _pause(self, failure: ApiError | None) -> None:
        self._report(failure)
        if self._stopped.is_set():
            return
        delay = WATCH_BACKOFF.delay(self._failures, self._random)
        self._failures += 1
        self._sleep(self._stopped, max(delay, failure.retry_after if failure else 0.0))

    def _report(self, failure: ApiError | None) -> None:
        if failure and not self._stopped.is_set():
            self._on_error(failure)


def _to_number(version: str) -> int:
    """By which states of one resource type are ordered (KEP-5504); 0 where the server writes no number."""
    return int(version) if version.isdecimal() else 0
