"""How models behave, and what they counted of their inference requests."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meshsplit.local.models.spec import Behaviour

EDGES_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
"""Upper edges of the latency histogram."""
OK, CANCELLED, INTERNAL = "OK", "CANCELLED", "INTERNAL"
"""gRPC statuses by name; a request that its caller left behind is no failure of the model."""


@dataclass(slots=True)
class Histogram:
    """Requests by how long they took; the last bucket is for those beyond every edge."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(EDGES_MS) + 1))
    total_ms: float = 0.0

    def observe(self, milliseconds: float) -> None:
        """Count one request."""
        self.buckets[bisect_left(EDGES_MS, milliseconds)] += 1
        self.total_ms += milliseconds


@dataclass(slots=True)
class Ending:
    """How a request ends: the gRPC status by name, to be set before it does."""

    code: str = OK


class Conduct:
    """Of the InferenceServices behind one listener. `counted` is by (InferenceService, gRPC status name)."""

    def __init__(self) -> None:
        self.counted: dict[tuple[str, str], Histogram] = {}
        self._behaviours: dict[str, tuple[Behaviour, Random]] = {}

    def follow(self, behaviours: Iterable[Behaviour]) -> None:
        """Behave like this from the next request on; one that stays goes on where it was."""
        before = self._behaviours
        self._behaviours = {
            each.isvc: before[each.isvc]
            if each.isvc in before and before[each.isvc][0] == each
            # Not for cryptography: the same seed must fail the same requests.
            else (each, Random(each.seed))  # noqa: S311
            for each in behaviours
        }

    async def is_failing(self, isvc: str) -> bool:
        """Whether the InferenceService must fail this request; returns when it may answer."""
        if isvc not in self._behaviours:
            return False
        behaviour, chance = self._behaviours[isvc]
        if behaviour.delay_seconds > 0:
            spread = chance.lognormvariate(0.0, behaviour.delay_spread) if behaviour.delay_spread else 1.0
            await asyncio.sleep(behaviour.delay_seconds * spread)
        return chance.random() < behaviour.failing

    @contextmanager
    def counting(self, isvc: str) -> Iterator[Ending]:
        """Count one request of the InferenceService when the block ends, however that happens."""
        started, ending = time.perf_counter(), Ending(INTERNAL)
        try:
            yield ending
        except asyncio.CancelledError:
            ending.code = CANCELLED
            raise
        finally:
            elapsed = (time.perf_counter() - started) * 1000
            self.counted.setdefault((isvc, ending.code), Histogram()).observe(elapsed)
