"""What a pack says of one backend's series: which they are, whose requests they count, how those ended."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from meshsplit.analysis.metrics import Backend, Signal
from meshsplit.model import Member

Labels = Mapping[str, str]

NAME = "__name__"
MILLISECONDS = 0.001

GRPC_FAULTS = frozenset({2, 4, 8, 13, 14, 15})
"""gRPC statuses that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL,
UNAVAILABLE, DATA_LOSS. All come with HTTP status 200.
"""


class Place(NamedTuple):
    """What a backend calls a member. Within one `scope` the same pods count."""

    backend: str
    scope: str
    name: str

    def __str__(self) -> str:
        return f"{self.backend}/{self.scope}/{self.name}"


class Outcome(NamedTuple):
    """How a request ended, as one series counts it."""

    code: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Family:
    """The series of one signal.

    `names` match metric names whole, as in PromQL's =~; the first is a plain name, of which every pod has a
    series. `matchers` are PromQL, and hold in exposition text too. `by` are the labels that are needed beside
    those of the scraped pod. `locate` says whose requests a series counts (nobody's: empty). `narrow` is the
    label whose values `to_label` makes of a place.
    """

    names: tuple[str, ...]
    by: tuple[str, ...]
    locate: Callable[[Labels], tuple[Place, ...]]
    narrow: str
    to_label: Callable[[Place], tuple[str, ...]]
    matchers: tuple[tuple[str, str], ...] = ()
    to_outcome: Callable[[Labels], Outcome | None] = lambda _labels: None
    edge_unit: float = MILLISECONDS


@dataclass(frozen=True, slots=True)
class Pack:
    """One backend. `counts_itself`: the counting pods are the member's own, not a gateway's."""

    backend: Backend
    to_places: Callable[[str, Member], tuple[Place, ...]]
    families: Mapping[Signal, Family]
    counts_itself: bool

    def find_family(self, signal: Signal) -> Family | None:
        """The series of `signal`, None where the backend has none."""
        return self.families.get(signal)


def to_edge(labels: Labels, unit: float) -> float | None:
    """The upper edge of a histogram's bucket in seconds; None for a series that is no bucket."""
    try:
        edge = float(labels.get("le", ""))
    except ValueError:
        return None
    # 5 ms is 0.005 s, not 0.005000000000000001.
    return edge if math.isinf(edge) else round(edge * unit, 9)


def http_outcome(code: str) -> Outcome | None:
    """By HTTP status, 503 or 5xx; None for 0, where the caller left before there was an answer."""
    if code[:1] not in "12345" or not code:
        return None
    return Outcome(code, code[0] == "5")


def grpc_outcome(status: str) -> Outcome | None:
    """By gRPC status as a number; None for what is none."""
    return Outcome(f"grpc-{status}", int(status) in GRPC_FAULTS) if status.isdecimal() else None


def unique(values: Iterable[Place]) -> tuple[Place, ...]:
    """The places without repetition, sorted."""
    return tuple(sorted(set(values)))
