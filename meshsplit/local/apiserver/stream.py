"""One watch over HTTP: a line of JSON an event, until its time is up or the server stops."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.status import Refused
from meshsplit.local.apiserver.watches import Watch, to_position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from meshsplit.local.apiserver.faults import Fault
    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.operation import Operation
    from meshsplit.local.apiserver.store import Store

# A watch without timeoutSeconds: the lower bound of kube-apiserver's --min-request-timeout.
_DEFAULT_SECONDS = 1800.0
# Bookmarks are for resuming after a break; the real server sends them about once a minute and at the end.
_BOOKMARK_SECONDS = 30.0


class CutStreamError(Exception):
    """The connection breaks here because a fault says so."""


class Bells:
    """Who waits for news of which kind; only used in the server's event loop."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
        self._listening: dict[tuple[str, str], list[threading.Event]] = {}
        self.stopping = False

    def hang(self, resource: tuple[str, str]) -> asyncio.Event:
        """A bell that rings at every change of a kind, and when the server stops."""
        bell = asyncio.Event()
        self._waiting.setdefault(resource, set()).add(bell)
        return bell

    def drop(self, resource: tuple[str, str], bell: asyncio.Event) -> None:
        """Ring it no more."""
        self._waiting[resource].discard(bell)

    def listen(self, resource: tuple[str, str], rung: threading.Event) -> None:
        """Set another thread's event at every change of a kind from now on, as long as the server runs."""
        self._listening.setdefault(resource, []).append(rung)

    def ring(self, resources: Iterable[tuple[str, str]]) -> None:
        """Wake the watches of these kinds, and the threads that listen."""
        for resource in resources:
            for bell in self._waiting.get(resource, ()):
                bell.set()
            for rung in self._listening.get(resource, ()):
                rung.set()

    def stop(self) -> None:
        """End every watch."""
        self.stopping = True
        self.ring(list(self._waiting))


class Stream:
    """The lines of one watch; Refused at once when its parameters cannot be read."""

    def __init__(
        self,
        store: Store,
        op: Operation,
        query: Mapping[str, str],
        bells: Bells,
        render: Callable[[str, Json], Json],
        fault: Fault | None,
    ) -> None:
        start = to_position(query.get("resourceVersion", ""))
        self._initial_events = query.get("sendInitialEvents") == "true"
        self._existing = start == 0 or self._initial_events
        self._bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        seconds = query.get("timeoutSeconds", "")
        self._seconds = float(seconds) if seconds.isdecimal() and int(seconds) else _DEFAULT_SECONDS
        self._watch = Watch(store, op, start)
        self._op = op
        self._store = store
        self._bells = bells
        self._render = render
        self._fault = fault
        self._sent = 0

    async def lines(self) -> AsyncIterator[bytes]:
        """The body of the answer."""
        bell = self._bells.hang(self._op.resource.key)
        try:
            async for kind, body in self._events(bell):
                await self._obey_fault()
                yield self._line(kind, body)
                self._sent += 1
            await self._obey_fault()
        except Refused as refused:
            yield self._line("ERROR", refused.body)
        finally:
            self._bells.drop(self._op.resource.key, bell)

    async def _events(self, bell: asyncio.Event) -> AsyncIterator[tuple[str, Json]]:
        clock = asyncio.get_running_loop().time
        end = clock() + self._seconds
        if self._existing:
            for event in self._watch.existing():
                yield event
            if self._initial_events and self._bookmarks:
                yield self._watch.bookmark(initial=True)
        silent_since = clock()
        while not self._bells.stopping and self._is_served():
            bell.clear()
            for event in self._watch.news():
                yield event
                silent_since = clock()
            # The bell rings for what the selectors leave out too, and must not keep a bookmark away.
            left, due = end - clock(), silent_since + _BOOKMARK_SECONDS - clock()
            if await self._wait(bell, min(left, due)):
                continue
            if self._bookmarks:
                yield self._watch.bookmark()
            silent_since = clock()
            if left <= due:
                return

    async def _wait(self, bell: asyncio.Event, seconds: float) -> bool:
        await self._obey_fault()
        try:
            await asyncio.wait_for(bell.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    def _is_served(self) -> bool:
        resource = self._op.resource
        return self._store.registry.find(resource.group, resource.version, resource.plural) is not None

    async def _obey_fault(self) -> None:
        fault = self._fault
        if fault is None:
            return
        if fault.cut_after is not None and self._sent >= fault.cut_after:
            raise CutStreamError
        if fault.expire_after is not None and self._sent >= fault.expire_after:
            raise Refused(
                410, "Expired", f"too old resource version: {self._watch.position} ({self._store.version})"
            )
        if fault.freeze_after is not None and self._sent >= fault.freeze_after:
            while not self._bells.stopping:
                bell = self._bells.hang(self._op.resource.key)
                await bell.wait()
                self._bells.drop(self._op.resource.key, bell)

    def _line(self, kind: str, body: Json) -> bytes:
        event = {"type": kind, "object": self._render(kind, body)}
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
