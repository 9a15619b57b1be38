"""A group whose rollout is played pass by pass; between any two the state goes through its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.trial import Read
from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    RestStrategy,
    Routing,
    Split,
)
from meshsplit.rollout.engine import Advance, advance
from meshsplit.rollout.observation import Observation, Reading
from meshsplit.rollout.requests import Request, Verb
from meshsplit.rollout.spec import RolloutSpec, to_rollout_spec
from meshsplit.rollout.splits import to_thousandths
from meshsplit.rollout.state import RolloutState
from meshsplit.rollout.storage import to_state, to_text

ROUTING = Routing(("*",), ("istio-system/gw",), RestStrategy.SINGLE_HOP, Endpoint("gw", 80))
HERE = Endpoint("predictor.ns.svc.cluster.local", 80)
NOON = 1_795_348_800.0
"""2026-11-22T12:00:00Z, a Sunday."""
READ_SECONDS = 15.0
TRAFFIC = 120.0

Body = dict[str, Any]
STEPS: Body = {"canary": {"stepWeights": [5, 10, 25, 50]}}
BLUE_GREEN: Body = {"blueGreen": {}}


def split(**weights: int) -> Split:
    return Split(tuple(sorted(weights.items())), sum(weights.values()))


def make_spec(strategy: Body | None = None, **fields: Any) -> RolloutSpec:
    body = {"modelTag": "g", **({"strategy": strategy} if strategy else {}), **fields}
    return to_rollout_spec(ModelSplitSpec.model_validate(body))


def canary(**fields: Any) -> RolloutSpec:
    return make_spec({"canary": {"stepWeights": [5, 10, 25, 50], **fields}})


def blue_green(**fields: Any) -> RolloutSpec:
    return make_spec({"blueGreen": fields})


def make_group(target: Split | None, names: str = "ab", unready: str = "", stable: str | None = "a") -> Group:
    members = tuple(
        Member(name, DeploymentMode.STANDARD, name, HERE, HERE, ready=name not in unready) for name in names
    )
    return Group(GroupKey("ns", "g"), members, target, ROUTING, stable)


def good_counts(weight: int, seconds: float = READ_SECONDS, traffic: float = TRAFFIC) -> Counts:
    """What a read of two members delivers that both fail once in 500 requests."""
    return bad_counts(weight, 0.002, seconds, traffic)


def bad_counts(weight: int, rate: float, seconds: float = READ_SECONDS, traffic: float = TRAFFIC) -> Counts:
    requests = traffic * seconds
    to_canary = round(requests * weight / 1000)
    to_stable = round(requests) - to_canary
    return Counts(to_canary, round(to_canary * rate), to_stable, round(to_stable * 0.002))


@dataclass
class Play:
    """One group: change its fields, then make passes; `last` is what the last one came to."""

    spec: RolloutSpec
    target: Split | None
    live: Split | None = field(default_factory=lambda: split(a=100, b=0))
    names: str = "ab"
    unready: str = ""
    stable: str | None = "a"
    now: float = NOON
    state: RolloutState = field(default_factory=RolloutState)
    revisions: Mapping[str, str] = field(default_factory=lambda: {"a": "1", "b": "1"})
    seen: Observation = field(default_factory=lambda: Observation(traffic=TRAFFIC))
    last: Advance | None = None

    @property
    def group(self) -> Group:
        group = make_group(self.target, self.names, self.unready, self.stable)
        return replace(group, strategy=self.spec.strategy)

    @property
    def weight(self) -> int:
        """The canary's share in thousandths."""
        serving, leg = self.state.serving, self.state.leg
        return to_thousandths(serving).get(leg.canary if leg else "b", 0) if serving else 0

    @property
    def events(self) -> list[str]:
        assert self.last is not None
        return [event.reason for event in self.last.events]

    def step(self, seconds: float = 0.0, **seen: Any) -> Advance:
        """One pass, `seconds` after the last one."""
        self.now += seconds
        observed = replace(self.seen, revisions=self.revisions, **seen)
        self.last = advance(self.group, self.spec, self.state, observed, self.now, self.live)
        self.state = to_state(to_text(self.last.state))
        assert self.state == self.last.state
        return self.last

    def read(self, counts: Counts | None = None, seconds: float = READ_SECONDS, **seen: Any) -> Advance:
        """One pass with a read of the time since the last one; both members are fine unless it says else."""
        found = good_counts(self.weight, seconds) if counts is None else counts
        return self.step(seconds, reading=self.make_reading(found, seconds), **seen)

    def read_bad(self, rate: float, seconds: float = READ_SECONDS) -> Advance:
        return self.read(bad_counts(self.weight, rate, seconds), seconds)

    def read_nothing(self, seconds: float = READ_SECONDS) -> Advance:
        """One pass with a read that gave no evidence."""
        return self.step(seconds, reading=self._make_reading(Read(self.weight, {}), seconds))

    def make_reading(self, counts: Counts, seconds: float = READ_SECONDS) -> Reading:
        read = Read(self.weight, {"error-rate": (counts,)})
        return self._make_reading(read, seconds)

    def _make_reading(self, read: Read, seconds: float) -> Reading:
        since = self.state.cursor
        number = int(since or 0) + 1
        return Reading(self.state.id, self.now + seconds, read, TRAFFIC, since, str(number))

    def ask(self, verb: str, token: str = "", after: float = 1.0, **fields: Any) -> Advance:
        """One pass with a person's request for the rollout there is."""
        made = Request(
            Verb(verb), token or f"{verb}-{self.now}", **{"rollout": self.state.id, "by": "ann", **fields}
        )
        return self.step(after, request=made)

    def read_until(self, weight: int, most: int = 200) -> None:
        """Read until the canary has the weight, in thousandths."""
        for _ in range(most):
            if self.weight >= weight:
                return
            self.read()
        raise AssertionError(f"still at {self.weight}: {self.state.last}")

    def read_through(self, most: int = 400) -> None:
        """Read until the rollout is over."""
        for _ in range(most):
            if not self.state.active:
                return
            self.read()
        raise AssertionError(f"still {self.state.phase}: {self.state.last}")
