"""A cluster without HTTP, and one controller that works on it step by step."""

from dataclasses import dataclass, field

from meshsplit.controller import resources
from support.fleet import SERVICES, SPLITS, VIRTUAL_SERVICES, Body, Fleet
from support.generations import split_of
from support.manifests import NAMESPACE, make_namespace, make_runtime
from support.stepwise import Controller
from support.store_api import Clock, StoreApi, make_store


@dataclass
class Scene:
    """A namespace in the mesh with a runtime that `controller` has not seen; `checked`: see `make_store`."""

    clock: Clock = field(default_factory=Clock)
    checked: bool = True

    def __post_init__(self) -> None:
        self.store = make_store(self.clock, self.checked)
        self.user = Fleet(StoreApi(self.store, "kubectl"))
        self.user.create(resources.NAMESPACES, make_namespace())
        self.user.create(resources.SERVING_RUNTIMES, make_runtime(containers=[{"name": "x"}]))
        self.api = StoreApi(self.store)
        self.controller = Controller(self.api, self.clock)

    def serve(self, *services: Body) -> "Scene":
        """Create these, and let the controller do what is to be done."""
        for body in services:
            self.user.create(SERVICES, body)
        self.controller.start().settle()
        return self

    def weights(self, group: str = "mnist") -> str | None:
        """What the group's VirtualService says it serves."""
        route = self.user.find(VIRTUAL_SERVICES, f"{group}-splitting", NAMESPACE)
        return None if route is None else str(split_of(route))

    def condition(self, kind: str, split: str = "mnist") -> tuple[str, str] | None:
        """Status and reason of a condition of a ModelSplit."""
        status = self.user.get(SPLITS, split, NAMESPACE).get("status") or {}
        found = [
            (each["status"], each["reason"]) for each in status.get("conditions", []) if each["type"] == kind
        ]
        return found[0] if found else None

    def told(self, reason: str) -> int:
        """How many Events of that reason there are."""
        return sum(event["reason"] == reason for event in self.user.all(resources.EVENTS))
