"""Read a source again and again, as a controller does: bookmarks kept, increments added up."""

import math
import time
from dataclasses import dataclass, field, replace

from meshsplit.analysis.bookmarks import to_bookmark, to_plain
from meshsplit.analysis.metrics import (
    Answer,
    Custom,
    Failure,
    MetricRequest,
    MetricsSource,
    Reading,
    Signal,
    WeightChange,
)
from meshsplit.model import GroupKey, Member

SPLIT = GroupKey("models", "mnist")


def request(
    *members: Member,
    what: Signal | Custom = Signal.ERRORS,
    metric: str = "error-rate",
    split: GroupKey = SPLIT,
) -> MetricRequest:
    return MetricRequest(split, metric, what, members)


@dataclass
class Follower:
    """One metric of one split, followed."""

    source: MetricsSource
    asked: MetricRequest
    requests: dict[str, float] = field(default_factory=dict)
    bad: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, dict[float, float]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    def read(self, now: float | None = None) -> Answer:
        """One read at `now`, or at the time it is."""
        asked = self.asked
        answer = self.source.read([asked], time.time() if now is None else now)[asked.key]
        self.answers.append(answer)
        if isinstance(answer, Reading):
            # As a controller keeps it: through JSON.
            self.asked = replace(asked, bookmark=to_bookmark(to_plain(answer.bookmark)))
            for member, counts in (answer.counts or {}).items():
                self.requests[member] = self.requests.get(member, 0.0) + counts.requests
                self.bad[member] = self.bad.get(member, 0.0) + counts.bad
                buckets = self.buckets.setdefault(member, {})
                for edge, count in counts.buckets.items():
                    buckets[edge] = buckets.get(edge, 0.0) + count
        return answer

    def begun(self) -> bool:
        """Read once more; whether there is a bookmark to count from."""
        return isinstance(self.read(), Reading)

    def has(self, requests: dict[str, int], bad: dict[str, int]) -> bool:
        """Read once more; whether exactly these were counted."""
        self.read()
        return self.requests == requests and self.bad == bad

    def slower(self, member: str, edge: float) -> float:
        """Read once more; how many requests of the member took longer than the edge, in seconds."""
        self.read()
        buckets = self.buckets.get(member, {})
        return buckets.get(math.inf, 0.0) - buckets.get(edge, 0.0)

    def forget(self) -> None:
        """Count from 0 again, from where the bookmark is."""
        for counted in (self.requests, self.bad, self.buckets):
            counted.clear()

    def failure(self) -> Failure | None:
        """Read once more; why there is no evidence, None when there is."""
        answer = self.read()
        return None if isinstance(answer, Reading) else answer

    def change(self, began: float, settled: float) -> None:
        self.asked = replace(self.asked, change=WeightChange(began, settled))
