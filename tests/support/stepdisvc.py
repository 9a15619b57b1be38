"""The DistributedInferenceService `iris` on a store without HTTP, and its controller, step by step."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from meshsplit.controller import resources
from meshsplit.controller.disvc.members import Members
from meshsplit.controller.disvc.offspring import Offspring
from meshsplit.controller.disvc.part import DisvcPart, to_resources
from meshsplit.controller.disvc.reconcile import DisvcReconciler
from meshsplit.controller.disvc.reports import Reports
from meshsplit.controller.recorder import Recorder
from meshsplit.kube.port import Api, ApiError, ObjectKey, Resource, Writer
from meshsplit.model import Settings
from support.disvcs import NAME, RUNTIME, make_template
from support.fleet import Body, Fleet
from support.manifests import NAMESPACE, make_namespace, make_object
from support.stepwise import ISTIO_VERSION, Controller, OneLook
from support.store_api import Clock, StoreApi, make_store

KINDS = to_resources(ISTIO_VERSION)
ISVC, SERVICE, RULE, ROUTE, INGRESS, SPLIT = KINDS.values()
KEY = ObjectKey(NAMESPACE, NAME)
_MOST_STEPS = 200


class Place(Protocol):
    """Where a controller works."""

    @property
    def api(self) -> Api:
        """Its server."""

    @property
    def clock(self) -> Clock:
        """Its time."""


class DisvcController:
    """What Manager puts together for DistributedInferenceServices; it dies with the object, as by SIGKILL."""

    def __init__(self, world: Place, writer: Writer | None = None) -> None:
        self.errors: list[ApiError] = []
        self.news: list[ObjectKey] = []
        self._world = world
        self.around = Controller(world.api, world.clock)
        around = self.around
        self._part = DisvcPart(Settings(), "", ISTIO_VERSION, around.cache, around.enqueue)
        self.cache = self._part.cache
        writes = writer or world.api
        self._reconciler = DisvcReconciler(
            settings=Settings(),
            cache=self.cache,
            around=self.around.cache,
            offspring=Offspring(writes, world.api, KINDS, self.cache, Settings(), world.clock.count),
            members=Members(around.cache, around.enqueue),
            reports=Reports(
                writes,
                self.cache,
                Recorder(writes, "test", self.errors.append),
                world.clock.utc,
                self.news.append,
            ),
            now=world.clock.utc,
        )

    def look(self) -> None:
        """See the cluster as it now is."""
        self.around.look()
        looks: list[OneLook] = []

        def connect() -> OneLook:
            looks.append(OneLook(self._world.api))
            return looks[-1]

        followers = self._part.make_followers(connect, lambda _resource, error: self.errors.append(error))
        for follower, look in zip(followers, looks, strict=True):
            look.stop = follower.stop
            follower.run()

    def step(self) -> float:
        """Look, and do what is to be done; the seconds until it wants to look again."""
        self.look()
        return self._reconciler.reconcile(KEY)

    def reconcile(self, name: str, namespace: str = NAMESPACE) -> float:
        """Work on another one, as it was seen last."""
        return self._reconciler.reconcile(ObjectKey(namespace, name))


@dataclass
class World:
    """A namespace in the mesh with a runtime. `ready` says whether KServe gets an InferenceService ready.

    `patience` is in seconds; a longer wait is one for a deadline.
    """

    clock: Clock = field(default_factory=Clock)
    ready: Callable[[str], bool] = lambda _name: True
    patience: float = 60.0

    def __post_init__(self) -> None:
        self.store = make_store(self.clock)
        self.user = Fleet(StoreApi(self.store, "kubectl"))
        self.user.create(resources.NAMESPACES, make_namespace())
        runtime = resources.SERVING_RUNTIMES
        self.user.create(
            runtime, make_object(runtime.api_version, runtime.kind, "sklearn", NAMESPACE, spec=RUNTIME)
        )
        self.api = StoreApi(self.store)

    def create(self, **spec: Any) -> None:
        """Create the DistributedInferenceService."""
        kind = resources.DISVCS
        asked = {"inferenceService": make_template(), "drainSeconds": 30, **spec}
        self.user.create(kind, make_object(kind.api_version, kind.kind, NAME, NAMESPACE, spec=asked))

    def edit(self, **spec: Any) -> None:
        """Write into its spec."""
        self.user.patch(resources.DISVCS, {"spec": spec}, NAME, NAMESPACE)

    def update(self, storage: str) -> None:
        """Ask for another version."""
        self.edit(inferenceService=make_template(storage))

    def kserve(self) -> None:
        """What KServe makes of the InferenceServices that are there."""
        for body in self.user.all(ISVC, NAMESPACE):
            name = body["metadata"]["name"]
            if self.is_ready(name) != self.ready(name):
                self.user.set_ready(name, NAMESPACE, self.ready(name))

    def is_ready(self, name: str) -> bool:
        """Whether KServe says so of an InferenceService."""
        status = self.user.get(ISVC, name, NAMESPACE).get("status") or {}
        return any(condition["status"] == "True" for condition in status.get("conditions", []))

    def settle(self, controller: DisvcController | None = None) -> DisvcController:
        """Let KServe, the controller and time go on until all that is left is to wait for a deadline."""
        working = controller or DisvcController(self)
        for _ in range(_MOST_STEPS):
            before = self.store.version
            self.kserve()
            pause = working.step()
            if self.store.version == before and (pause == 0.0 or pause > self.patience):
                return working
            self.clock.advance(min(pause, self.patience))
        raise AssertionError(f"it does not come to rest: {self.api.writes[-20:]}")

    @property
    def status(self) -> Body:
        """What the controller says of it."""
        return dict(self.user.get(resources.DISVCS, NAME, NAMESPACE).get("status") or {})

    @property
    def phases(self) -> dict[int, str]:
        """The phase of every version that there is."""
        return {each["version"]: each["phase"] for each in self.status.get("versions", [])}

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = [c for c in self.status.get("conditions", []) if c["type"] == kind]
        return (found[0]["status"], found[0]["reason"]) if found else ("", "")

    def message(self, kind: str) -> str:
        """What a condition says."""
        return next((c["message"] for c in self.status.get("conditions", []) if c["type"] == kind), "")

    def names(self, resource: Resource) -> list[str]:
        """What there is of a kind."""
        return sorted(body["metadata"]["name"] for body in self.user.all(resource, NAMESPACE))

    @property
    def routed(self) -> str:
        """The Service that requests are sent to, "" for none."""
        found = (self.user.find(kind, NAME, NAMESPACE) for kind in (ROUTE, INGRESS))
        return next((self.routed_by(body) for body in found if body is not None), "")

    @staticmethod
    def routed_by(body: Body) -> str:
        """The Service that a route sends requests to."""
        if body["kind"] == ROUTE.kind:
            host: str = body["spec"]["http"][0]["route"][0]["destination"]["host"]
            return host.partition(".")[0]
        return str(body["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"])

    def told(self) -> list[str]:
        """The messages of the Events, in the order in which they happened."""
        events = self.user.all(resources.EVENTS, NAMESPACE)
        events.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [f"{event['reason']}: {event['message']}" for event in events]

    def objects(self) -> dict[str, Body]:
        """Everything there is, without what the server makes of it."""
        found = {}
        for resource in KINDS.values():
            for body in self.user.all(resource, NAMESPACE):
                kept = copy.deepcopy({k: v for k, v in body.items() if k != "status"})
                metadata = kept["metadata"]
                for key in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
                    metadata.pop(key, None)
                metadata["ownerReferences"] = [o["name"] for o in metadata.get("ownerReferences", [])]
                found[f"{resource.kind} {metadata['name']}"] = kept
        return found
