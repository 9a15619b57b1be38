"""Requests at a steady rate through a gateway for as long as it takes: the demo's users."""

from __future__ import annotations

import threading
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from meshsplit.local.traffic import BROKEN, Tally, make_grpc, make_rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.local.traffic import Send

REST_WORKERS = 14
"""Callers at the same time: enough for 300 requests/s that take 40 ms each."""
GRPC_WORKERS = 2
MOST_DEBT_SECONDS = 1.0
"""How far behind its times a caller may be before it lets those pass: a busy machine gets less traffic, and
no burst afterwards."""


class Stream:
    """REST and gRPC requests to one group, about `rate` of both a second, at times drawn from `seed`."""

    def __init__(self, url: str, path: str, body: bytes, group: str, rate: float, seed: int) -> None:
        workers = REST_WORKERS + GRPC_WORKERS
        makers: list[Callable[[], Send]] = [lambda: make_rest(url, path, body)] * REST_WORKERS
        makers += [lambda: make_grpc(url, group)] * GRPC_WORKERS
        self._lock = threading.Lock()
        self._served: Counter[str] = Counter()
        self._failed = 0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                # Not for cryptography: the same seed must give the same times.
                target=self._work,
                args=(make, rate / workers, Random(f"{seed} {number}")),  # noqa: S311
                name=f"stream-{number}",
            )
            for number, make in enumerate(makers)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more, and wait for what is on its way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @property
    def tally(self) -> Tally:
        """What has been answered so far."""
        with self._lock:
            return Tally(tuple(sorted(self._served.items())), self._failed)

    def _work(self, make: Callable[[], Send], rate: float, chance: Random) -> None:
        send = make()
        due = time.monotonic() + chance.expovariate(rate)
        while not self._stopping.wait(max(due - time.monotonic(), 0.0)):
            try:
                member = send()
            except BROKEN:
                member, send = None, make()
            self._count(member)
            due = max(due + chance.expovariate(rate), time.monotonic() - MOST_DEBT_SECONDS)

    def _count(self, member: str | None) -> None:
        with self._lock:
            if member is None:
                self._failed += 1
            else:
                self._served[member] += 1
