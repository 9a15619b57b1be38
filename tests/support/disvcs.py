"""A DistributedInferenceService on an API server, and what KServe and a user do about it."""

from dataclasses import dataclass
from typing import Any

from meshsplit.controller import resources
from meshsplit.controller.disvc.part import to_resources
from meshsplit.kube.port import Resource
from support.fleet import Body
from support.scene import Scene
from support.waiting import eventually

KINDS = to_resources("v1")
ISVC, SERVICE, RULE, ROUTE, INGRESS, SPLIT = KINDS.values()
NAME = "iris"
SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}
RUNTIME = {
    "supportedModelFormats": [{"name": "sklearn", "version": "1", "autoSelect": True, "priority": 1}],
    "protocolVersions": ["v1", "v2"],
    "containers": [{"name": "kserve-container", "image": "sklearn", "args": ["--model_name={{.Name}}"]}],
}


def make_template(storage: str = "gs://models/iris") -> Body:
    """The spec of an InferenceService; another storage is another version."""
    model = {"modelFormat": {"name": "sklearn"}, "protocolVersion": "v2", "storageUri": storage}
    return {"predictor": {"model": model}}


@dataclass(frozen=True)
class Disvcs:
    """The DistributedInferenceService `iris` of a scene."""

    scene: Scene

    def create(self, **spec: Any) -> Body:
        """Create it, with a runtime that its servers can be told their name by."""
        self.scene.put(resources.SERVING_RUNTIMES, "sklearn", RUNTIME)
        return self.scene.put(
            resources.DISVCS, NAME, {"inferenceService": make_template(), "drainSeconds": 0, **spec}
        )

    def update(self, storage: str, **spec: Any) -> None:
        """Ask for another version."""
        self.edit(inferenceService=make_template(storage), **spec)

    def edit(self, **spec: Any) -> None:
        """Write into its spec."""
        self.scene.patch(resources.DISVCS, NAME, {"spec": spec})

    def get_ready(self, version: int, *indexes: int, ready: bool = True) -> None:
        """KServe's part: InferenceServices are there, and become ready, or not any more."""
        for index in indexes or (0,):
            name = f"{NAME}-v{version}-{index}"
            self.has(ISVC, name)
            self.scene.user.set_ready(name, self.scene.namespace, ready)

    def names(self, resource: Resource) -> list[str]:
        """What there is of a kind, but for what the test has made."""
        return sorted(
            body["metadata"]["name"] for body in self.scene.user.all(resource, self.scene.namespace)
        )

    def has(self, resource: Resource, *names: str) -> None:
        """Wait until there is exactly that of a kind, or at least the one."""
        if len(names) == 1:
            eventually(lambda: self.scene.find(resource, names[0]), f"{resource.kind} {names[0]} is there")
        else:
            self.has_only(resource, *names)

    def has_only(self, resource: Resource, *names: str) -> None:
        """Wait until there is that and nothing else."""
        eventually(
            lambda: self.names(resource) == sorted(names),
            lambda: f"of {resource.kind} there is {sorted(names)}, not {self.names(resource)}",
        )

    @property
    def status(self) -> Body:
        """What the controller says of it."""
        body = self.scene.find(resources.DISVCS, NAME) or {}
        return dict(body.get("status") or {})

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = [c for c in self.status.get("conditions", []) if c["type"] == kind]
        return (found[0]["status"], found[0]["reason"]) if found else ("", "")

    def says(self, kind: str, status: str, reason: str) -> None:
        """Wait until a condition says that."""
        eventually(
            lambda: self.condition(kind) == (status, reason),
            lambda: f"{kind} is {status} {reason}, not {self.condition(kind)}: {self.status}",
        )

    def serves(self, version: int) -> None:
        """Wait until it says that this version serves, and no other has anything."""
        eventually(
            lambda: self.status.get("currentVersion") == version and len(self.status["versions"]) == 1,
            lambda: f"version {version} serves alone: {self.status}",
        )

    @property
    def routed(self) -> str:
        """The Service that requests are sent to."""
        route = self.scene.find(ROUTE, NAME)
        return "" if route is None else str(route["spec"]["http"][0]["route"][0]["destination"]["host"])

    def clean(self) -> None:
        """Take away what the scene does not know of."""
        self.scene.user.delete(resources.DISVCS, NAME, self.scene.namespace)
        for resource in KINDS.values():
            self.has_only(resource)
        self.scene.user.delete(resources.SERVING_RUNTIMES, "sklearn", self.scene.namespace)
