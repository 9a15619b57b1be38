"""Counters that a test moves, read as any source's are: raw, differenced, by bookmark."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from meshsplit.analysis.asks import to_asks
from meshsplit.analysis.metrics import (
    FROM_PROMETHEUS,
    Answer,
    Answers,
    Backend,
    Failure,
    Key,
    MetricRequest,
    Signal,
)
from meshsplit.analysis.past import StablePast
from meshsplit.analysis.queries.pack import Place
from meshsplit.analysis.snapshot import BAD, GOOD, Snapshot
from meshsplit.model import Split
from meshsplit.rollout.splits import to_thousandths

POD = "mm-0"


@dataclass
class Counted:
    """One model server's counters, in `namespace`; every metric counts the same.

    `trouble` is what every request is answered with; `troubles` what those of one metric are. `reads` are the
    requests of every look at it. `pasts` are what it tells of any stable member before a rollout, by metric.
    """

    namespace: str
    totals: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    trouble: Failure | None = None
    troubles: dict[str, Failure] = field(default_factory=dict)
    reads: list[list[MetricRequest]] = field(default_factory=list)
    frozen_at: float | None = None
    pasts: dict[str, StablePast] = field(default_factory=dict)
    asked_for_past: list[list[MetricRequest]] = field(default_factory=list)

    def serve(self, member: str, good: float, bad: float = 0.0) -> None:
        """Count so many requests more."""
        self.totals[member, f"{GOOD} OK"] += good
        self.totals[member, f"{BAD} INTERNAL"] += bad

    def read(self, requests: Sequence[MetricRequest], now: float) -> Answers:
        """See MetricsSource."""
        self.reads.append(list(requests))
        answers: dict[Key, Answer] = {}
        counted = [replace(request, what=Signal.ERRORS) for request in requests]
        for ask in to_asks(counted, FROM_PROMETHEUS):
            snapshot = self._look(now)
            for request, places in ask.requests:
                answers[request.key] = ask.answer(request, places, snapshot, now)
        for request in requests:
            failure = self.trouble or self.troubles.get(request.metric)
            if failure is not None:
                answers[request.key] = failure
        return answers

    def read_past(self, requests: Sequence[MetricRequest], now: float) -> Mapping[Key, StablePast]:
        """See MetricsSource."""
        self.asked_for_past.append(list(requests))
        return {
            request.key: self.pasts[request.metric] for request in requests if request.metric in self.pasts
        }

    def close(self) -> None: ...

    def _look(self, now: float) -> Snapshot:
        at = now if self.frozen_at is None else self.frozen_at
        snapshot = Snapshot()
        for (member, code), value in sorted(self.totals.items()):
            place = Place(Backend.MODELMESH.value, self.namespace, member)
            snapshot.add(place, POD, code, value, at)
        return snapshot


def share(split: Split | None, requests: int, members: Iterable[str]) -> dict[str, int]:
    """How many of the requests each member gets."""
    shares = to_thousandths(split) if split is not None else {}
    return {name: requests * shares.get(name, 0) // 1000 for name in members}
