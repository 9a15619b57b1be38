"""What came of reading the metrics of one group; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meshsplit.analysis import latency
from meshsplit.policy import LIMIT

if TYPE_CHECKING:
    from meshsplit.analysis.guess import Past
    from meshsplit.analysis.latency import Buckets
    from meshsplit.analysis.metrics import Key
    from meshsplit.analysis.past import StablePast
    from meshsplit.analysis.rules import MetricRule
    from meshsplit.controller.previews import Preview
    from meshsplit.model import GroupKey
    from meshsplit.rollout.observation import Reading


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a read: where it began and ends, and what it says, or why it says nothing.

    `reading` is None when the read has no counts to judge; `cursor` is then still where the next one goes on.
    `problem` and `trouble` say which metrics could not be read, in a sentence and in a word.
    `stable_buckets` are all latencies of `stable` that were read before the rollout; `latency` is made of
    them. `history` is the rest of its past, by metric: what the source told and what was read since; None
    until the source was asked. `preview` is what the side that is not active answered, of a blue/green group.
    """

    at: float
    since: str
    cursor: str
    problem: str = ""
    trouble: str = ""
    traffic: float | None = None
    reading: Reading | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    latency: tuple[MetricRule, ...] = ()
    stable_buckets: Buckets = field(default_factory=dict)
    stable: str = ""
    history: Mapping[str, StablePast] | None = None
    preview: Preview | None = None

    @property
    def pasts(self) -> Mapping[str, tuple[Past, ...]]:
        """Stable's past by the name of a rule, at each of its edges."""
        known: dict[str, tuple[Past, ...]] = {}
        for name, each in (self.history or {}).items():
            known[name] = known[f"{name} {LIMIT}"] = (each.past,)
        for rule in self.latency:
            edges = [to_seconds(edge.name) for edge in rule.edges]
            known[rule.name] = latency.make_pasts(self.stable_buckets, edges)
        return known

    @property
    def bursts(self) -> Mapping[str, float]:
        """How stable's errors go together, by the name of a rule."""
        known = {name: each.icc for name, each in (self.history or {}).items()}
        return known | {f"{name} {LIMIT}": icc for name, icc in known.items()}


def with_past(measured: Measured, told: Mapping[Key, StablePast], key: GroupKey) -> Measured:
    """What was measured, with the past that the source told of the group; it may have told nothing."""
    known = {name: past for (split, name), past in told.items() if split == key}
    return replace(measured, history={**(measured.history or {}), **known})


def to_seconds(edge: str) -> float:
    """The edge that a latency rule calls so, in seconds."""
    return float(edge.removesuffix("s"))
