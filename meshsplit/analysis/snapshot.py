"""Counters of one signal at one moment, sorted by whose requests they count."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from meshsplit.analysis.metrics import Signal
from meshsplit.analysis.queries.pack import Family, Labels, Place, to_edge

Pod = str
"""Who counted: a pod as its scraper knows it."""
Code = str
"""What a series counts of a place: `good 200`, `bad 503`, `le 0.025`."""

GOOD, BAD, EDGE = "good", "bad", "le"


@dataclass(slots=True)
class Snapshot:
    """Values by place, pod and code; when each pod of a scope was read (Unix seconds).

    `pods` are by (backend, scope): the series that a pod of the same scope lacks starts at 0.
    """

    values: dict[Place, dict[tuple[Pod, Code], float]] = field(default_factory=dict)
    pods: dict[tuple[str, str], dict[Pod, float]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, place: Place, pod: Pod, code: Code, value: float, at: float) -> None:
        """Count `value` more; the series of one pod and code are added up."""
        values = self.values.setdefault(place, {})
        values[pod, code] = values.get((pod, code), 0.0) + value
        self.see(place, pod, at)

    def see(self, place: Place, pod: Pod, at: float) -> None:
        """Note that the pod was read, whether or not it counts anything of that place."""
        self.pods[place[:2]][pod] = at


def add_series(
    snapshot: Snapshot, signal: Signal, family: Family, pod: Pod, labels: Labels, value: float, at: float
) -> None:
    """Sort one series of the family in; one that counts nobody's requests is left out."""
    places = family.locate(labels)
    if not places:
        return
    code = _to_code(signal, family, labels)
    for place in places:
        if code is None:
            snapshot.see(place, pod, at)
        else:
            snapshot.add(place, pod, code, value, at)


def _to_code(signal: Signal, family: Family, labels: Labels) -> Code | None:
    if signal is Signal.LATENCY:
        edge = to_edge(labels, family.edge_unit)
        return None if edge is None else f"{EDGE} {edge!r}"
    outcome = family.to_outcome(labels)
    if outcome is None:
        return None
    # Spaces part the words of a series' name.
    return f"{BAD if outcome.bad else GOOD} {''.join(outcome.code.split())}"


def choose_endpoints(endpoints: Iterable[tuple[str, str, str]]) -> Mapping[tuple[str, str, str], Pod]:
    """One scrape of each pod: two jobs that scrape one pod count its requests twice.

    Endpoints are (pod, instance, job); those that are left out are missing. Which scrape is chosen is part of
    the name, for the counters of two scrapes are not of the same moment and must not be differenced.
    """
    chosen: dict[str, tuple[str, str, str]] = {}
    for endpoint in sorted(set(endpoints)):
        chosen.setdefault(endpoint[0] or " ".join(endpoint), endpoint)
    return {endpoint: " ".join(filter(None, endpoint)) for endpoint in chosen.values()}
