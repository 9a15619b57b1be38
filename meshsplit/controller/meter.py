"""Reads metrics on a common beat: one look at a source for all rollouts that are due."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from meshsplit.controller.measured import Measured, with_past
from meshsplit.controller.wishes import group_by_source, to_measured, to_past_requests, to_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from meshsplit.analysis.metrics import MetricsSource
    from meshsplit.controller.wishes import Wish
    from meshsplit.model import GroupKey

log = logging.getLogger(__name__)

READERS = 8
"""Sources that are read at the same time."""
BEAT_SECONDS = 2.0
"""Reads, and with them the steps of different rollouts, fall on it together: one push of istiod for all."""


class Meter:
    """Keeps what was measured last for every group that wants it.

    `find_source` gives the source of an address. `on_measured` gets the keys that were read. `wall` are Unix
    seconds. `put` and the other methods are for any thread; `run` is for one of its own.
    """

    def __init__(
        self,
        find_source: Callable[[str], MetricsSource],
        on_measured: Callable[[frozenset[GroupKey]], object],
        wall: Callable[[], float],
    ) -> None:
        self._find_source = find_source
        self._on_measured = on_measured
        self._wall = wall
        self._lock = threading.Lock()
        self._wishes: dict[GroupKey, Wish] = {}
        self._measured: dict[GroupKey, Measured] = {}
        self._read_at: dict[GroupKey, float] = {}
        self._asked: set[str] = set()
        self._running: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._stopping = threading.Event()

    def put(self, wish: Wish) -> None:
        """Read this from now on, in place of an earlier wish of the group."""
        with self._lock:
            self._wishes[wish.key] = wish

    def drop(self, key: GroupKey) -> None:
        """Read nothing for the group any more."""
        with self._lock:
            for kept in (self._wishes, self._measured, self._read_at):
                kept.pop(key, None)

    def find(self, key: GroupKey) -> Measured | None:
        """What was measured last."""
        with self._lock:
            return self._measured.get(key)

    def run(self) -> None:
        """Read whatever is due, beat after beat, until `stop`."""
        while not self._stopping.wait(BEAT_SECONDS - self._wall() % BEAT_SECONDS):
            for failed in [each for each in self._running if each.done() and each.exception() is not None]:
                failed.result()  # a bug, which must not go unheard in a pool
            self._running = [each for each in self._running if not each.done()] + self.beat()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def beat(self) -> list[Future[None]]:
        """Begin to read what is due now: each source once, and none waits for another.

        A source that has not answered yet is left alone; what it is to be asked for stays due.
        """
        now = self._wall()
        with self._lock:
            found = [wish for key, wish in sorted(self._wishes.items()) if self._is_due(key, wish, now)]
            due = [wish for wish in found if wish.source not in self._asked]
            self._asked |= {wish.source for wish in due}
            self._read_at |= {wish.key: now for wish in due}
        return [
            self._pool.submit(self._read, source, wishes, now)
            for source, wishes in sorted(group_by_source(due).items())
        ]

    def _read(self, source: str, wishes: Sequence[Wish], now: float) -> None:
        try:
            requests = [request for wish in wishes for request in to_requests(wish, now)]
            answers = self._find_source(source).read(requests, now)
            with self._lock:
                for wish in wishes:
                    if wish.key in self._wishes:
                        before = self._measured.get(wish.key)
                        self._measured[wish.key] = to_measured(wish, answers, before, now)
            log.debug("measured", extra={"source": source, "groups": len(wishes)})
            self._on_measured(frozenset(wish.key for wish in wishes))
            self._read_pasts(source, wishes, now)
        finally:
            with self._lock:
                self._asked.discard(source)

    def _read_pasts(self, source: str, wishes: Sequence[Wish], now: float) -> None:
        """Ask once for the past of those that are about to begin; what is not told then is not known."""
        with self._lock:
            beginning = [wish for wish in wishes if self._lacks_past(wish)]
        requests = [request for wish in beginning for request in to_past_requests(wish)]
        if not requests:
            return
        told = self._find_source(source).read_past(requests, now)
        with self._lock:
            for wish in beginning:
                if self._lacks_past(wish):
                    self._measured[wish.key] = with_past(self._measured[wish.key], told, wish.key)
        log.debug("past read", extra={"source": source, "groups": len(beginning), "told": len(told)})
        self._on_measured(frozenset(wish.key for wish in beginning))

    def _lacks_past(self, wish: Wish) -> bool:
        measured = self._measured.get(wish.key)
        if wish.weight is not None or measured is None or not measured.cursor:
            return False
        return measured.history is None and measured.stable == wish.stable != ""

    def stop(self) -> None:
        """End `run`; reads under way end by their own time limits."""
        self._stopping.set()

    def _is_due(self, key: GroupKey, wish: Wish, now: float) -> bool:
        """A little early is in time: else a read would slip by a whole beat now and then.

        After a clock was set back nothing waits until it has caught up.
        """
        waited = now - self._read_at.get(key, float("-inf"))
        return not 0.0 <= waited < wish.seconds - BEAT_SECONDS / 2
