"""What a read has to ask for: every signal once, for the backends and places of all splits together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from meshsplit.analysis.folding import Places, fold
from meshsplit.analysis.metrics import (
    Answer,
    Backend,
    Backends,
    MetricRequest,
    NoData,
    Signal,
    Trouble,
)
from meshsplit.analysis.queries import PACKS
from meshsplit.analysis.queries.pack import Family, Pack, Place
from meshsplit.analysis.snapshot import Snapshot

OWN_PODS = frozenset(backend.value for backend, pack in PACKS.items() if pack.counts_itself)


@dataclass(frozen=True, slots=True)
class SignalAsk:
    """All requests for one signal, each with the places of its members."""

    signal: Signal
    requests: list[tuple[MetricRequest, Places]] = field(default_factory=list)

    def to_parts(self) -> tuple[tuple[Pack, Family, frozenset[Place]], ...]:
        """The families to read with the places wanted of each, sorted by backend."""
        wanted: dict[Backend, set[Place]] = {}
        for _, places in self.requests:
            for each in places.values():
                for place in each:
                    wanted.setdefault(Backend(place.backend), set()).add(place)
        return tuple(
            (PACKS[backend], family, frozenset(places))
            for backend, places in sorted(wanted.items())
            if (family := PACKS[backend].find_family(self.signal)) is not None
        )

    def answer(self, request: MetricRequest, places: Places, snapshot: Snapshot, now: float) -> Answer:
        """The answer to one of the requests."""
        return fold(request, places, snapshot, now, OWN_PODS)


def to_asks(requests: Iterable[MetricRequest], backends: Backends) -> tuple[SignalAsk, ...]:
    """One ask for each signal that is wanted; custom counters are not among them."""
    asks: dict[Signal, SignalAsk] = {}
    for request in requests:
        if isinstance(request.what, Signal):
            ask = asks.setdefault(request.what, SignalAsk(request.what))
            ask.requests.append((request, to_places(request, backends)))
    return tuple(asks[signal] for signal in sorted(asks))


def to_places(request: MetricRequest, backends: Backends) -> Places:
    """What the backends call each member of the split."""
    namespace = request.split.namespace
    return {
        member.name: PACKS[request.backend or backends[member.mode]].to_places(namespace, member)
        for member in request.members
    }


def find_unsupported(places: Mapping[str, tuple[Place, ...]]) -> NoData | None:
    """The answer to a request of which a member speaks no protocol that anybody counts."""
    missing = sorted(member for member, each in places.items() if not each)
    if not missing:
        return None
    return NoData(Trouble.UNSUPPORTED, f"nothing is known of where {', '.join(missing)} answers")
