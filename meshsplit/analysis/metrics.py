"""The port to metrics: what is asked of a source, and what it may answer.

A source never raises: what it could not read is a value with a reason, and no evidence. Counters are raw and
differenced here (`analysis.counters`), so a caller keeps one bookmark a (split, metric) and gets increments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from meshsplit.analysis.counters import Cursor
from meshsplit.analysis.counts import Counts
from meshsplit.analysis.latency import Buckets
from meshsplit.analysis.past import StablePast
from meshsplit.analysis.pods import PodCounts
from meshsplit.model import DeploymentMode, GroupKey, Member

STALE_SECONDS = 150.0
"""Age of the newest sample beyond which a source no longer follows: 2.5 of Prometheus' default scrapes."""


class Signal(StrEnum):
    """The built-in metrics, by their names in a ModelSplit."""

    ERRORS = "error-rate"
    LATENCY = "latency"


class Backend(StrEnum):
    """Whose counters tell a member's requests."""

    ISTIO = "istio"
    MODELMESH = "modelmesh"
    KSERVE = "kserve"
    ENVOY = "envoy"


Backends = Mapping[DeploymentMode, Backend]
"""Which counters are read for members of a deployment mode."""

FROM_PROMETHEUS: Backends = {
    DeploymentMode.MODEL_MESH: Backend.MODELMESH,
    DeploymentMode.STANDARD: Backend.ISTIO,
    DeploymentMode.KNATIVE: Backend.ISTIO,
}
FROM_ENVOY: Backends = {
    DeploymentMode.MODEL_MESH: Backend.MODELMESH,
    DeploymentMode.STANDARD: Backend.ENVOY,
    DeploymentMode.KNATIVE: Backend.ENVOY,
}
"""For gateways that count by cluster only, such as the local one."""


@dataclass(frozen=True, slots=True)
class Custom:
    """Two counter expressions as the user wrote them; requests are good + bad."""

    good: str
    bad: str


@dataclass(frozen=True, slots=True)
class WeightChange:
    """The last change of the weights: from `began` on (seconds, Unix time) some requests may follow the new
    ones, from `settled` on all do.
    """

    began: float
    settled: float


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far one metric of one split was read; the caller keeps it between reads (`bookmarks.py`).

    `places` are those that the cursor covers, sorted: counters of a new one start where they are found.
    """

    cursor: Cursor = field(default_factory=Cursor)
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricRequest:
    """One metric of one split; without a `backend` the source chooses by the members' deployment modes."""

    split: GroupKey
    metric: str
    what: Signal | Custom
    members: tuple[Member, ...]
    bookmark: Bookmark = field(default_factory=Bookmark)
    change: WeightChange | None = None
    backend: Backend | None = None

    @property
    def key(self) -> tuple[GroupKey, str]:
        """What the answer is found by."""
        return self.split, self.metric


@dataclass(frozen=True, slots=True)
class MemberCounts:
    """What one member did between two reads.

    `buckets` are cumulative by upper edge in seconds, of a latency metric only. `pods` are requests and bad
    events by the member's own pods, empty where it is a gateway that counts.
    """

    requests: float = 0.0
    bad: float = 0.0
    buckets: Buckets = field(default_factory=dict)
    pods: PodCounts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A read that worked: the bookmark to keep, and the time of the newest sample in it.

    `counts` is None when nothing can be told of what happened since the last read, and `note` says why: the
    first read, no newer sample, a change of weight in between. Otherwise every member has its counts.
    """

    bookmark: Bookmark
    at: float
    counts: Mapping[str, MemberCounts] | None
    note: str = ""


class Trouble(StrEnum):
    """Why there is no evidence, in the words of the condition MetricsAvailable."""

    UNREACHABLE = "SourceUnreachable"
    SLOW = "SourceSlow"
    FAILING = "SourceFailing"
    REFUSED = "QueryRefused"
    UNREADABLE = "AnswerUnreadable"
    TOO_LARGE = "AnswerTooLarge"
    UNSUPPORTED = "MetricUnsupported"
    NO_SERIES = "NoSeries"
    NOT_A_NUMBER = "NotANumber"
    STALE = "Stale"
    PARTIAL = "PartialAnswer"
    AMBIGUOUS = "MembersNotTold"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The source did not answer, or not what was asked."""

    trouble: Trouble
    message: str


@dataclass(frozen=True, slots=True)
class NoData:
    """The source answers, and has no usable number."""

    trouble: Trouble
    message: str


@dataclass(frozen=True, slots=True)
class Partial:
    """The source says itself that something is missing, or a part of it did not answer."""

    message: str
    trouble: Trouble = Trouble.PARTIAL


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The numbers do not tell the members apart."""

    message: str
    trouble: Trouble = Trouble.AMBIGUOUS


Failure = Unavailable | NoData | Partial | Ambiguous
Answer = Reading | Failure
"""Every failure leaves the caller's bookmark as it was: the next read that works covers both."""

Key = tuple[GroupKey, str]
"""What a request and its answer are known by: split and metric."""
Answers = Mapping[Key, Answer]


class MetricsSource(Protocol):
    """Where counters come from."""

    def read(self, requests: Sequence[MetricRequest], now: float) -> Answers:
        """An answer to every request, from one look at the source; `now` is Unix time in seconds."""

    def read_past(self, requests: Sequence[MetricRequest], now: float) -> Mapping[Key, StablePast]:
        """What the members of each request did before `now`, one of them each; left out where unknown."""

    def close(self) -> None:
        """Give back what the source holds; it is not read again."""


def to_counts(counts: Mapping[str, MemberCounts], canary: str, stable: str) -> Counts:
    """The comparison of two members of one reading."""
    first, second = counts[canary], counts[stable]
    return Counts(first.requests, first.bad, second.requests, second.bad)


def to_shares(counts: Mapping[str, MemberCounts]) -> dict[str, float]:
    """Measured percent by member, the third of target, current and measured; empty without requests."""
    total = sum(each.requests for each in counts.values())
    if total <= 0:
        return {}
    return {member: 100.0 * each.requests / total for member, each in sorted(counts.items())}
