"""What is known of one DistributedInferenceService: itself, and the objects that it has made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshsplit.api.disvc import DistributedInferenceServiceSpec, DistributedInferenceServiceStatus
from meshsplit.diagnostics import Finding
from meshsplit.disvc import names
from meshsplit.disvc.revision import Revision
from meshsplit.kserve.objects import Identity

Body = dict[str, Any]

INFERENCE_SERVICE = "InferenceService"
SERVICE = "Service"
DESTINATION_RULE = "DestinationRule"
VIRTUAL_SERVICE = "VirtualService"
INGRESS = "Ingress"
MODEL_SPLIT = "ModelSplit"
ROUTES = (VIRTUAL_SERVICE, INGRESS)


@dataclass(frozen=True, slots=True)
class Disvc:
    """A valid DistributedInferenceService as the server has it, with the status that was last written."""

    identity: Identity
    generation: int
    spec: DistributedInferenceServiceSpec
    status: DistributedInferenceServiceStatus
    deleting: bool = False
    version: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """The name, unique in its namespace."""
        return self.identity.ref.name

    @property
    def namespace(self) -> str:
        """The namespace."""
        return self.identity.ref.namespace


@dataclass(frozen=True, slots=True)
class UnreadableDisvc:
    """One that cannot be read: what it has stays as it is until it is mended (`problem`)."""

    identity: Identity
    generation: int
    status: DistributedInferenceServiceStatus
    problem: Finding
    deleting: bool = False
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Child:
    """An object that carries the label of a DistributedInferenceService.

    `owner` is the uid of its controller, "" without one. `body` has labels, annotations and spec, and a
    ModelSplit's status as far as it tells of a rollout's course. `ready` is an InferenceService's, None where
    its status says nothing.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    owner: str
    body: Mapping[str, Any]
    deleting: bool = False
    ready: bool | None = None
    generation: int = 0
    version: int = field(default=0, compare=False)

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        labels = self.body["metadata"].get("labels") or {}
        return labels if isinstance(labels, Mapping) else {}

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations."""
        annotations = self.body["metadata"].get("annotations") or {}
        return annotations if isinstance(annotations, Mapping) else {}

    @property
    def disvc(self) -> str:
        """The name of the DistributedInferenceService that it is labelled with."""
        return str(self.labels.get(names.DISVC, ""))


@dataclass(frozen=True, slots=True)
class Walk:
    """What the rollout between two versions has come to.

    `weights` are those that the group's VirtualService says it serves, by version; None where there is none.
    `promoted` is True when the last version that was asked for has all of them for good, `ended` says why it
    has not got them and will not.
    """

    weights: Mapping[int, int] | None = None
    promoted: bool = False
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Children:
    """Everything that one DistributedInferenceService has made, by kind and name."""

    disvc: str
    by_key: Mapping[tuple[str, str], Child]
    walk: Walk = field(default_factory=Walk)

    def get(self, kind: str, name: str) -> Child | None:
        """One object."""
        return self.by_key.get((kind, name))

    def of(self, version: int) -> list[Child]:
        """What one version has, in the order in which it may go: rule, Service, replicas by number."""
        found = [child for child in self.by_key.values() if self.version_of(child) == version]
        order = (DESTINATION_RULE, SERVICE, INFERENCE_SERVICE)
        return sorted(found, key=lambda child: (order.index(child.kind), len(child.name), child.name))

    def replicas(self, version: int) -> list[Child]:
        """The InferenceServices of one version, by number."""
        return [child for child in self.of(version) if child.kind == INFERENCE_SERVICE]

    def versions(self) -> frozenset[int]:
        """Every version that has anything."""
        found = (self.version_of(child) for child in self.by_key.values())
        return frozenset(version for version in found if version is not None)

    def revisions(self) -> dict[int, str]:
        """The digest of what each version is made from, as its Service has kept it; "" where none has."""
        found = {}
        for version in self.versions():
            service = self.get(SERVICE, names.version_name(self.disvc, version))
            kept = service.annotations.get(names.REVISION, "") if service is not None else ""
            found[version] = Revision(kept).digest if kept else ""
        return found

    def version_of(self, child: Child) -> int | None:
        """The version that an object belongs to; None for what all versions share."""
        return names.read_version(self.disvc, str(child.labels.get(names.DISVC_GROUP, "")))

    def routed_by(self, kind: str) -> frozenset[int]:
        """The versions that the route of that kind sends requests to; none where there is no such route."""
        route = self.get(kind, self.disvc)
        if route is None:
            return frozenset()
        if self.delegates and kind == VIRTUAL_SERVICE:
            return frozenset(version for version, weight in (self.walk.weights or {}).items() if weight)
        spec = route.body.get("spec")
        service = _first_host(spec).partition(".")[0] if kind == VIRTUAL_SERVICE else _first_backend(spec)
        version = names.read_version(self.disvc, service)
        return frozenset() if version is None else frozenset({version})

    @property
    def delegates(self) -> bool:
        """Whether the route leaves it to a ModelSplit's where requests go."""
        route = self.get(VIRTUAL_SERVICE, self.disvc)
        spec = route.body.get("spec") if route is not None else None
        http = (spec.get("http") or [{}]) if isinstance(spec, Mapping) else [{}]
        return isinstance(http[0], Mapping) and "delegate" in http[0]

    @property
    def routed(self) -> frozenset[int]:
        """Every version that any route sends requests to."""
        return frozenset().union(*(self.routed_by(kind) for kind in ROUTES))


def _first_host(spec: Any) -> str:
    try:
        return str(spec["http"][0]["route"][0]["destination"]["host"])
    except (KeyError, IndexError, TypeError):
        return ""


def _first_backend(spec: Any) -> str:
    try:
        return str(spec["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"])
    except (KeyError, IndexError, TypeError):
        return ""
