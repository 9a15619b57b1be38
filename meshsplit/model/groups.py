"""What a group is, how its traffic is split, and what is set for all of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from meshsplit.affinity import BucketAffinity
from meshsplit.diagnostics import Finding, ObjectRef

FULL = 100
"""What the percentages of a group add up to."""


class DeploymentMode(StrEnum):
    """How KServe runs an InferenceService; the annotation's older words map onto these."""

    MODEL_MESH = "ModelMesh"
    STANDARD = "Standard"
    KNATIVE = "Knative"


class RestStrategy(StrEnum):
    """How REST requests, which need one rewrite per member, are split."""

    SINGLE_HOP = "SingleHop"
    LOOPBACK = "Loopback"
    WEIGHTED = "Weighted"


class RoutingMode(StrEnum):
    """Whether the generated VirtualService stands alone or is delegated to by the user's own."""

    STANDALONE = "Standalone"
    DELEGATE = "Delegate"


class Strategy(StrEnum):
    """How the traffic of a group moves from the split that serves to its target."""

    STATIC = "Static"
    CANARY = "Canary"
    BLUE_GREEN = "BlueGreen"


class Protocol(StrEnum):
    """What clients of a group speak."""

    GRPC = "grpc"
    HTTP = "http"


class GroupKey(NamedTuple):
    """A group is a tag in a namespace."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Endpoint(NamedTuple):
    """A Service host and port; `authority` is the Host header it needs, "" when any will do."""

    host: str
    port: int
    authority: str = ""


_ISTIO_GATEWAY = Endpoint("istio-ingressgateway.istio-system.svc.cluster.local", 80)


class Owner(NamedTuple):
    """An object that owns a generated one; only an object that a server has seen has a uid.

    A generated object is collected once all of its owners are gone.
    """

    api_version: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Retries:
    """Istio's HTTPRetry as the user wrote it; None leaves Istio's default for that field."""

    attempts: int
    per_try_timeout: str | None = None
    retry_on: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Integer weights by member, sorted by member; they add up to `total` (100, or 1000 for per mille)."""

    weights: tuple[tuple[str, int], ...]
    total: int = FULL

    def __post_init__(self) -> None:
        if sum(weight for _, weight in self.weights) != self.total:
            raise ValueError(f"weights {self.weights} do not add up to {self.total}")
        if any(weight < 0 for _, weight in self.weights):
            raise ValueError(f"negative weight in {self.weights}")

    def of(self, member: str) -> int:
        """Weight of a member, 0 for one that is not in the split."""
        return dict(self.weights).get(member, 0)

    def __str__(self) -> str:
        return ",".join(f"{member}={weight}" for member, weight in self.weights)


@dataclass(frozen=True, slots=True)
class Member:
    """One model of a group and where its requests go.

    `served_name` is the model's name at its backend, in REST paths and gRPC messages. `rest` and `grpc` are
    None when the backend does not speak that protocol. `ready` is None when the input says nothing about it.
    """

    name: str
    mode: DeploymentMode
    served_name: str
    rest: Endpoint | None
    grpc: Endpoint | None
    ready: bool | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a group or model is exposed and in which shape.

    `own_host` is True when the name is served on a host of its own with the backends' native paths
    (`/v2/models/<name>/…`), False for ModelMesh's shared host (`/modelmesh/<ns>/v2/models/<name>/…`).
    `loop` is the gateway's own Service, the first hop of `Loopback`. In Delegate mode `hosts` and `gateways`
    are empty. `timeout` and `retries` are passed through to every route.
    """

    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    rest: RestStrategy
    loop: Endpoint
    own_host: bool = False
    mode: RoutingMode = RoutingMode.STANDALONE
    protocols: frozenset[Protocol] = frozenset(Protocol)
    timeout: str | None = None
    retries: Retries | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A set of members that answer the same payload, as understood from the input.

    `target` is where the split should end; None when the input's percentages are invalid. `refused` says why
    the group may not change at all (a collision, an unroutable member); what already serves goes on serving.
    `withdrawn` says why its routes must go (mesh switched off, no gateway). `unreadable` is True when an
    object that the group depends on could not be read: what is written of it stays as it is, and nothing else
    of the group can be relied on. With a `strategy` other than Static the user
    asks for more than the target before traffic moves. With an `affinity` a client keeps its member while no
    weight changes.
    `owners` are the ModelSplit, if there is one, and the members that carry the group's tag, by name.
    Every reason is also among the findings of the `World`.
    """

    key: GroupKey
    members: tuple[Member, ...]
    target: Split | None
    routing: Routing
    stable_member: str | None = None
    strategy: Strategy = Strategy.STATIC
    affinity: BucketAffinity | None = None
    owners: tuple[Owner, ...] = ()
    source: ObjectRef | None = None
    refused: Finding | None = None
    withdrawn: Finding | None = None
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One ModelMesh InferenceService that is exposed under its own name."""

    namespace: str
    name: str
    rest: Endpoint
    grpc: Endpoint | None
    routing: Routing
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything a source understood: groups by key, models by (namespace, name), findings.

    `unreadable_models` are (namespace, name) of models of which nothing is known, because an object that
    decides about them could not be read: what is written of them stays as it is.
    """

    groups: tuple[Group, ...]
    models: tuple[Model, ...]
    findings: tuple[Finding, ...]
    unreadable_models: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """Cluster-wide settings, with the defaults of an installation that sets nothing.

    `hosts` is the template of the shared ModelMesh host ({namespace}, {group}); `domain` completes the own
    host of a group of Standard or Knative members. `max_concurrent_rollouts` None is no limit,
    `stop_rollouts` holds all of them; `prometheus` is read for a ModelSplit that names no source. `gateway`
    brings in requests to DistributedInferenceServices where the namespace names none (KServe's own default:
    ingress.ingressGateway in its ConfigMap inferenceservice-config).
    """

    domain: str = "example.com"
    hosts: tuple[str, ...] = ("*",)
    rest: RestStrategy = RestStrategy.SINGLE_HOP
    loop: Endpoint = _ISTIO_GATEWAY
    default_mode: DeploymentMode = DeploymentMode.STANDARD
    require_enable_route: bool = True
    max_concurrent_rollouts: int | None = None
    stop_rollouts: bool = False
    prometheus: str = "http://prometheus.istio-system:9090"
    gateway: str | None = "knative-serving/knative-ingress-gateway"
    istio_api_version: str = "networking.istio.io/v1"
