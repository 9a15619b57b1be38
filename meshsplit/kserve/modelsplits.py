"""Level 1: what a ModelSplit asks for its group, and which group one that cannot be read was about."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from pydantic import ValidationError

from meshsplit.affinity import BucketAffinity, BucketCookie
from meshsplit.api.advice import advise
from meshsplit.api.modelsplit import API_VERSION, ModelSplit, ModelSplitSpec, RoutingSpec, SessionAffinity
from meshsplit.api.settings import to_loop
from meshsplit.api.validation import to_modelsplit
from meshsplit.api.wire import Metadata
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.kserve.decode import Body, ref_of, to_identity
from meshsplit.kserve.objects import Identity, RoutingRequest, SplitRequest
from meshsplit.model import Protocol, RestStrategy, Retries, RoutingMode, Strategy
from meshsplit.policy import to_seconds

COOKIE_PREFIX = "meshsplit-"
"""Before a group's name in that of its cookie, where the ModelSplit names none."""


@dataclass(frozen=True, slots=True)
class UnreadableSplit:
    """An invalid ModelSplit: the group it names may not change until it is mended (`problem`).

    `members` are the names it lists, as far as they can be made out.
    """

    identity: Identity
    group: str
    members: tuple[str, ...]
    problem: Finding

    @property
    def ref(self) -> ObjectRef:
        """The ModelSplit itself."""
        return self.identity.ref


def to_split_request(body: Body) -> tuple[SplitRequest | UnreadableSplit, tuple[Finding, ...]]:
    """Read a ModelSplit and everything that can be said about it alone."""
    split = to_modelsplit(body)
    ref = ref_of(body)
    if not isinstance(split, ModelSplit):
        return UnreadableSplit(_raw_identity(body), _raw_group(body), _raw_members(body), split[0]), split
    spec = split.spec
    request = SplitRequest(
        identity=to_identity(API_VERSION, ref, split.metadata),
        group=spec.model_tag or ref.name,
        model_tag=spec.model_tag,
        from_spec=spec.weights_from == "Spec",
        weights=tuple((member.name, member.weight) for member in spec.members or ()),
        stable_member=spec.stable_member,
        strategy=_to_strategy(spec),
        affinity=_to_affinity(spec.session_affinity, spec.model_tag or ref.name),
        routing=to_routing_request(spec.routing),
        spec=spec,
    )
    return request, advise(split)


def _to_strategy(spec: ModelSplitSpec) -> Strategy:
    if spec.strategy is None:
        return Strategy.STATIC
    return Strategy.BLUE_GREEN if spec.strategy.blue_green is not None else Strategy.CANARY


def _to_affinity(asked: SessionAffinity | None, group: str) -> BucketAffinity | None:
    if asked is None:
        return None
    cookie = None
    if asked.cookie is not None:
        # A part of a second is rounded up: 0 would be a cookie without an end.
        seconds = ceil(to_seconds(asked.cookie.max_age) or 0.0)
        cookie = BucketCookie(asked.cookie.name or f"{COOKIE_PREFIX}{group}", seconds)
    return BucketAffinity(asked.header, cookie)


def to_routing_request(spec: RoutingSpec) -> RoutingRequest:
    """The `routing` of a ModelSplit, hosts and gateways sorted."""
    retries = spec.retries
    return RoutingRequest(
        mode=RoutingMode(spec.mode),
        rest=RestStrategy(spec.rest) if spec.rest else None,
        protocols=frozenset(map(Protocol, spec.protocols)) if spec.protocols else frozenset(Protocol),
        hosts=tuple(sorted(set(spec.hosts or ()))),
        gateways=tuple(sorted(set(spec.gateways or ()))),
        loop=to_loop(spec.loop_host),
        timeout=spec.timeout,
        retries=Retries(retries.attempts, retries.per_try_timeout, retries.retry_on) if retries else None,
    )


def _raw_identity(body: Body) -> Identity:
    try:
        return to_identity(API_VERSION, ref_of(body), Metadata.model_validate(dict(body["metadata"])))
    except ValidationError:
        return Identity(API_VERSION, ref_of(body))


def _raw_spec(body: Body) -> Mapping[str, Any]:
    spec = body.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _raw_group(body: Body) -> str:
    tag = _raw_spec(body).get("modelTag")
    return tag if isinstance(tag, str) and tag else ref_of(body).name


def _raw_members(body: Body) -> tuple[str, ...]:
    members = _raw_spec(body).get("members")
    entries = members if isinstance(members, list) else []
    names = [entry.get("name") for entry in entries if isinstance(entry, Mapping)]
    return tuple(sorted({name for name in names if isinstance(name, str)}))
