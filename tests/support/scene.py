"""A Kubernetes API over HTTP for tests, embedded or real, and controllers that run against it.

Embedded unless the environment names a real one: `KUBEBUILDER_ASSETS` is a folder with kube-apiserver and
etcd, which are started; `USE_EXISTING_CLUSTER` set means the cluster of the current kubeconfig.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from meshsplit.controller import resources
from meshsplit.controller.manager import Manager, Options
from meshsplit.kserve.keys import HOSTS
from meshsplit.kube.client import Client, Configuration, load_configuration
from meshsplit.kube.port import ApiError, Resource
from meshsplit.local.apiserver import ApiServer
from meshsplit.local.apiserver.faults import Faults
from meshsplit.model import Settings
from support.fleet import SERVICES, SPLITS, VIRTUAL_SERVICES, Body, Fleet
from support.generations import split_of
from support.kinds import DEFINITIONS, strict_crds
from support.manifests import GATEWAY, MESH, MODEL_TAG, PERCENT, make_namespace, make_runtime, make_service
from support.real_apiserver import real_apiserver
from support.waiting import DEADLINE_SECONDS, eventually

GATEWAY_NAMESPACE = "istio-system"
EXISTING = "USE_EXISTING_CLUSTER"
ASSETS = "KUBEBUILDER_ASSETS"
CONTAINERS = [{"name": "server"}]


@dataclass(frozen=True)
class Api:
    """An API server that has every kind; `embedded` is None for a real one."""

    configuration: Configuration
    kubeconfig: Path
    embedded: ApiServer | None = None

    @property
    def faults(self) -> Faults:
        """What can go wrong on purpose, of the embedded one only."""
        assert self.embedded is not None, "only the embedded API server has faults"
        return self.embedded.faults


@contextmanager
def serve_api(folder: Path) -> Iterator[Api]:
    """The API server that the environment asks for."""
    if os.environ.get(EXISTING):
        yield install(
            Api(load_configuration(), Path(os.environ.get("KUBECONFIG", "~/.kube/config")).expanduser())
        )
    elif os.environ.get(ASSETS):
        with real_apiserver(Path(os.environ[ASSETS]), folder) as kubeconfig:
            yield install(Api(load_configuration(str(kubeconfig)), kubeconfig))
    else:
        with serve_embedded(folder) as api:
            yield api


@contextmanager
def serve_embedded(folder: Path, **options: Any) -> Iterator[Api]:
    """An embedded one of the test's own; `options` are those of ApiServer."""
    with ApiServer.start(**options) as server:
        kubeconfig = server.kubeconfig(folder / "kubeconfig")
        yield install(Api(load_configuration(str(kubeconfig)), kubeconfig, server))


def install(api: Api) -> Api:
    """With every kind that the controller follows; Events and Leases are there anyway."""
    client = Client(api.configuration, field_manager="installer")
    for crd in strict_crds():
        client.apply(DEFINITIONS, crd)
    for resource in (SERVICES, SPLITS, VIRTUAL_SERVICES):
        eventually(partial(_is_served, client, resource), f"{resource.plural} are served")
    client.close()
    return api


def _is_served(client: Client, resource: Resource) -> bool:
    try:
        client.list_page(resource, limit=1)
    except ApiError:
        return False
    return True


@dataclass
class Scene:
    """A namespace of the test's own in the mesh, with an exposed runtime, and what a user does there.

    Its gateway is its own too, so that no other namespace shares its hosts.
    """

    api: Api
    namespace: str = field(default_factory=lambda: f"t-{uuid.uuid4().hex[:8]}")
    exists: bool = False
    client: Client = field(init=False)
    user: Fleet = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.api.configuration, field_manager="kubectl")
        self.user = Fleet(self.client)
        if self.exists:
            return
        self.user.create(resources.NAMESPACES, make_namespace(self.namespace, self.annotations))
        self.user.create(
            resources.SERVING_RUNTIMES, make_runtime(namespace=self.namespace, containers=CONTAINERS)
        )

    @classmethod
    def at(cls, api: Api, namespace: str) -> "Scene":
        """One that is there."""
        return cls(api, namespace, exists=True)

    @property
    def gateway(self) -> str:
        """Nobody else's."""
        return f"{GATEWAY_NAMESPACE}/{self.namespace}"

    @property
    def annotations(self) -> dict[str, str]:
        """Of the namespace: mesh on, and the gateway."""
        return {MESH: "true", GATEWAY: self.gateway}

    def annotate_namespace(self, **annotations: str | None) -> None:
        """Set annotations of the namespace: `mesh`, `gateway`, `hosts`."""
        keys = {"mesh": MESH, "gateway": GATEWAY, "hosts": HOSTS}
        body = {"metadata": {"annotations": {keys[key]: value for key, value in annotations.items()}}}
        self.user.patch(resources.NAMESPACES, body, self.namespace)

    def add(self, name: str, percent: str | None = None, tag: str | None = "mnist", **fields: Any) -> Body:
        """Create an InferenceService."""
        return self.user.create(SERVICES, make_service(name, percent, tag, self.namespace, **fields))

    def pair(self, first: str = "80", second: str = "20") -> None:
        """Create mnist-v1 and mnist-v2."""
        self.add("mnist-v1", first)
        self.add("mnist-v2", second)

    def edit(self, name: str, percent: str | None) -> None:
        """Write another percent into an InferenceService."""
        self.patch(SERVICES, name, {"metadata": {"annotations": {PERCENT: percent}}})

    def tag(self, name: str, tag: str | None) -> None:
        """Move an InferenceService into another group, or none."""
        self.patch(SERVICES, name, {"metadata": {"labels": {MODEL_TAG: tag}}})

    def patch(self, resource: Resource, name: str, body: Body) -> Body:
        """Merge into an object of the namespace."""
        return self.user.patch(resource, body, name, self.namespace)

    def put(self, resource: Resource, name: str, spec: Body, **metadata: Any) -> Body:
        """Create an object of any kind."""
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": self.namespace, **metadata},
            "spec": spec,
        }
        return self.user.create(resource, body)

    def remove(self, resource: Resource, name: str) -> None:
        """Delete an object."""
        self.user.delete(resource, name, self.namespace)

    def find(self, resource: Resource, name: str) -> Body | None:
        """An object of the namespace, or None."""
        return self.user.find(resource, name, self.namespace)

    def route(self, name: str = "mnist-splitting") -> Body | None:
        """A VirtualService."""
        return self.find(VIRTUAL_SERVICES, name)

    def weights(self, group: str = "mnist") -> str | None:
        """What the VirtualService of a group says it serves."""
        route = self.route(f"{group}-splitting")
        return None if route is None else str(split_of(route))

    def condition(self, kind: str, split: str = "mnist") -> tuple[str, str] | None:
        """Status and reason of a condition of a ModelSplit; None as long as it says nothing of what is."""
        body = self.find(SPLITS, split)
        if body is None:
            return None
        for condition in (body.get("status") or {}).get("conditions", []):
            if (
                condition["type"] == kind
                and condition["observedGeneration"] == body["metadata"]["generation"]
            ):
                return condition["status"], condition["reason"]
        return None

    def message(self, kind: str, split: str = "mnist") -> str:
        """What a condition of a ModelSplit says."""
        body = self.find(SPLITS, split) or {}
        found = [c["message"] for c in (body.get("status") or {}).get("conditions", []) if c["type"] == kind]
        return str(found[0]) if found else ""

    def events(self, reason: str = "", about: str = "") -> list[Body]:
        """The Events of the namespace, of one reason and about one object if asked for."""
        return [
            event
            for event in self.user.all(resources.EVENTS, self.namespace)
            if reason in ("", event["reason"]) and about in ("", event["involvedObject"]["name"])
        ]

    def serves(self, weights: str | None, group: str = "mnist") -> None:
        """Wait until a group serves that."""
        eventually(
            lambda: self.weights(group) == weights,
            lambda: f"{group} serves {weights}, not {self.weights(group)}",
        )

    def says(self, kind: str, status: str, reason: str, split: str = "mnist") -> None:
        """Wait until a condition says that."""
        eventually(
            lambda: self.condition(kind, split) == (status, reason),
            lambda: (
                f"{kind} is {status} {reason}, not {self.condition(kind, split)} {self.message(kind, split)}"
            ),
        )

    def next_second(self) -> None:
        """Wait until what is made from now on is younger than all there is: ages are whole seconds."""
        name = f"clock-{uuid.uuid4().hex[:8]}"
        first = self._make_clock(name)
        eventually(lambda: self._make_clock(name) > first, "the server's clock moves on")
        self.remove(SPLITS, name)

    def _make_clock(self, name: str) -> str:
        self.remove(SPLITS, name)
        return str(self.put(SPLITS, name, {"modelTag": name})["metadata"]["creationTimestamp"])

    def work_again(self, manager: Manager) -> None:
        """Let the controller look at every group of the namespace, as when a delay is over, and finish."""
        for key in manager.cache.keys_in(self.namespace):
            manager.queue.add(key)
        assert manager.queue.wait_drained(DEADLINE_SECONDS)

    def clean(self) -> None:
        """Take everything away: a bare API server has nobody who does when a namespace goes."""
        self.empty()
        self.user.delete(resources.SERVING_RUNTIMES, "triton", self.namespace)
        self.user.delete(resources.NAMESPACES, self.namespace)
        self.client.close()

    def empty(self) -> None:
        """Take away what the controller works on and what it made, its Events too."""
        for resource in (SERVICES, SPLITS, VIRTUAL_SERVICES, resources.EVENTS):
            for body in self.user.all(resource, self.namespace):
                self.user.delete(resource, body["metadata"]["name"], self.namespace)


@dataclass
class Time:
    """The time of day, which a test may move on."""

    ahead: float = 0.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.ahead, UTC)


def make_replica(scene: Scene, **options: Any) -> Manager:
    """One of several controllers, which elect in the test's own namespace; not started."""
    chosen = {"settings": Settings(), "lease_namespace": scene.namespace, "workers": 2, **options}
    return Manager(scene.api.configuration, Options(**chosen))


@contextmanager
def running(api: Api, now: Callable[[], datetime] | None = None, **options: Any) -> Iterator[Manager]:
    """A controller that works, alone unless `leader_election` is asked for."""
    chosen: dict[str, Any] = {"settings": Settings(), "leader_election": False, "workers": 2, **options}
    manager = Manager(api.configuration, Options(**chosen), **({} if now is None else {"now": now}))
    manager.start()
    try:
        assert manager.wait_synced(DEADLINE_SECONDS), manager.why_not_ready()
        yield manager
    finally:
        manager.stop()
