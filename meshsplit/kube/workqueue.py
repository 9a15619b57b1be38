"""Keys that want work: each queued once, none worked on twice at a time (client-go's util/workqueue)."""

from __future__ import annotations

import heapq
import itertools
import random as chance
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from meshsplit.kube.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")

KEY_BACKOFF = Backoff(base=0.005, cap=300.0)
"""Per key. The base is client-go's (default_rate_limiters.go); its cap of 1000 s is too slow for traffic."""

BUCKET_RATE = 10.0
BUCKET_BURST = 100.0
"""Retries a second and at once over all keys, as in client-go's DefaultTypedControllerRateLimiter."""


def _ignore(_seconds: float) -> None:
    """Measure nothing."""


class TokenBucket:
    """`rate` tokens a second, at most `burst` of them saved; not for several threads at a time."""

    def __init__(self, rate: float = BUCKET_RATE, burst: float = BUCKET_BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at: float | None = None

    def reserve(self, now: float) -> float:
        """Take one token; the seconds until it is there."""
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1.0
        return max(0.0, -self._tokens / self._rate)


class WorkQueue(Generic[K]):
    """A deduplicating, single-flight queue for any number of threads; `clock` is in seconds.

    A worker takes a key with `get`, and calls `done` with it whatever came of it. A key added while it is
    worked on is queued again by `done`. `adds` and `retries` count; `on_waited` and `on_worked` are called
    with the seconds a key was queued and worked on: replace them to measure.
    """

    def __init__(
        self,
        *,
        backoff: Backoff = KEY_BACKOFF,
        bucket: TokenBucket | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self.adds = 0
        self.retries = 0
        self.on_waited: Callable[[float], object] = _ignore
        self.on_worked: Callable[[float], object] = _ignore
        self._backoff = backoff
        self._bucket = bucket or TokenBucket()
        self._clock = clock
        self._random = random
        self._condition = threading.Condition()
        self._queue: deque[K] = deque()
        self._wanted: dict[K, float] = {}  # since when: queued, or added while worked on
        self._working: dict[K, float] = {}  # since when
        self._failures: dict[K, int] = {}
        self._due: dict[K, float] = {}
        self._delayed: list[tuple[float, int, K]] = []  # a heap; an entry counts if it says what _due says
        self._order = itertools.count()
        self._shut_down = False

    def add(self, key: K) -> None:
        """Want this key worked on, now."""
        with self._condition:
            self._add(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Want it `seconds` from now; of several such wishes for a key the earliest counts."""
        with self._condition:
            self._add_after(key, seconds)

    def add_rate_limited(self, key: K, at_least: float = 0.0) -> None:
        """Want it after a failure: when both its own backoff and the bucket of all keys allow.

        `at_least` are the seconds that whoever refused asked to be left alone.
        """
        with self._condition:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            self.retries += 1
            own = self._backoff.delay(failures, self._random)
            self._add_after(key, max(own, at_least, self._bucket.reserve(self._clock())))

    def forget(self, key: K) -> None:
        """It succeeded: its backoff starts over, and an earlier wish for a later time is void.

        client-go keeps the wish; here whoever worked on the key knows anew when it must be looked at again.
        """
        with self._condition:
            self._failures.pop(key, None)
            self._due.pop(key, None)

    def failures(self, key: K) -> int:
        """How often in a row it failed."""
        with self._condition:
            return self._failures.get(key, 0)

    def get(self, timeout: float | None = None) -> K | None:
        """The next key; None after `timeout` seconds without one, or when shut down and empty."""
        with self._condition:
            deadline = None if timeout is None else self._clock() + timeout
            while True:
                self._queue_due()
                if self._queue:
                    return self._take()
                now = self._clock()
                if self._shut_down or (deadline is not None and now >= deadline):
                    return None
                ends = [end for end in (deadline, self._next_due()) if end is not None]
                self._condition.wait(max(0.0, min(ends) - now) if ends else None)

    def done(self, key: K) -> None:
        """The work on a key that `get` gave has ended; KeyError for any other."""
        with self._condition:
            since = self._working.pop(key)
            if key in self._wanted:
                self._enqueue(key)
            self._condition.notify_all()
            self.on_worked(self._clock() - since)

    def shut_down(self) -> None:
        """Take no more keys, the delayed ones included; what is queued is still given out."""
        with self._condition:
            self._shut_down = True
            self._condition.notify_all()

    def wait_drained(self, timeout: float | None = None) -> bool:
        """Whether all that was queued has been worked on, within `timeout` seconds of real time."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._queue and not self._working, timeout)

    @property
    def is_shut_down(self) -> bool:
        """Whether `shut_down` was called."""
        return self._shut_down

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._queue)

    @property
    def unfinished(self) -> tuple[float, ...]:
        """For each key being worked on the seconds since it was taken, longest first."""
        with self._condition:
            now = self._clock()
            return tuple(sorted((now - since for since in self._working.values()), reverse=True))

    def _add(self, key: K) -> None:
        if self._shut_down or key in self._wanted:
            return
        self.adds += 1
        self._wanted[key] = self._clock()
        if key not in self._working:
            self._enqueue(key)

    def _enqueue(self, key: K) -> None:
        self._queue.append(key)
        self._condition.notify()

    def _add_after(self, key: K, seconds: float) -> None:
        if self._shut_down:
            return
        if seconds <= 0.0:
            self._add(key)
            return
        due = self._clock() + seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._delayed, (due, next(self._order), key))
            # Each waiting worker sleeps until what was the earliest wish; one of them alone may time out.
            self._condition.notify_all()

    def _queue_due(self) -> None:
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self._add(key)

    def _take(self) -> K:
        key = self._queue.popleft()
        now = self._clock()
        self.on_waited(now - self._wanted.pop(key))
        self._working[key] = now
        return key

    def _next_due(self) -> float | None:
        return self._delayed[0][0] if self._delayed else None
