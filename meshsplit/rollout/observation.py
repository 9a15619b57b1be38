"""What a pass is told beside the group and the time: reads, revisions, answers of gates, a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshsplit.analysis.guess import Past
from meshsplit.analysis.rules import MetricRule
from meshsplit.analysis.trial import Read
from meshsplit.rollout.requests import Request, Unreadable


@dataclass(frozen=True, slots=True)
class Reading:
    """One read for the rollout whose id it names, up to `at` (Unix seconds).

    `traffic` is the group's requests/s. The read goes on where the state's cursor `since` is, and the next
    one goes on at `cursor`: that is kept with the test, so that nothing is judged twice and nothing is left
    out, whatever clocks do. A read that goes on anywhere else is dropped.
    """

    rollout: str
    at: float
    read: Read
    traffic: float
    since: str
    cursor: str


@dataclass(frozen=True, slots=True)
class PreviewSeen:
    """Requests and bad ones that the side that is not active answered within the checks' time.

    They count for the rollout they are named after: another one may have other content on that side.
    """

    rollout: str
    member: str
    requests: float
    bad: float


@dataclass(frozen=True, slots=True)
class GateResult:
    """The outcome of a call: opened on 2xx, else the status or why there is none."""

    call: str
    opened: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known now; what is left out is not known, and nothing follows from that.

    `revisions` tell one content of a member from another. `problem` says why metrics cannot be read, "" when
    they can. `traffic`, `history` (stable's past by metric and edge), `bursts` (how errors of one read go
    together in it, by metric: `dispersion.py`) and `latency` (rules made of stable's histograms) are looked
    at when a rollout starts. `slot_free` says whether one more rollout may run,
    `stopped` whether the switch that stops all steps is on. `request` may be shown as long as it stands
    in the object: it is done once.
    """

    revisions: Mapping[str, str] = field(default_factory=dict)
    reading: Reading | None = None
    traffic: float | None = None
    problem: str = ""
    history: Mapping[str, tuple[Past, ...]] = field(default_factory=dict)
    bursts: Mapping[str, float] = field(default_factory=dict)
    latency: tuple[MetricRule, ...] = ()
    preview: PreviewSeen | None = None
    gates: tuple[GateResult, ...] = ()
    request: Request | Unreadable | None = None
    slot_free: bool = True
    stopped: bool = False
