"""Objects of a small cluster by name, and what users and other controllers do to them; see `Fleet`."""

import json
from dataclasses import dataclass
from typing import Any

from meshsplit.controller import resources
from meshsplit.controller.live import MIRROR
from meshsplit.kube.port import Api, NotFound, Resource

Body = dict[str, Any]
VIRTUAL_SERVICES = resources.virtual_services("v1")
GATEWAYS = resources.gateways("v1")
SERVICES = resources.INFERENCE_SERVICES
SPLITS = resources.MODEL_SPLITS
READ = (
    SERVICES,
    SPLITS,
    resources.SERVING_RUNTIMES,
    resources.CLUSTER_SERVING_RUNTIMES,
    resources.NAMESPACES,
    VIRTUAL_SERVICES,
    GATEWAYS,
)
"""Every resource type that routes depend on."""


@dataclass
class Fleet:
    """Reads and writes as somebody who is not the controller."""

    api: Api

    def find(self, resource: Resource, name: str, namespace: str = "") -> Body | None:
        """The object, or None."""
        try:
            content: Body = json.loads(self.api.get(resource, namespace, name))
        except NotFound:
            return None
        return content

    def get(self, resource: Resource, name: str, namespace: str = "") -> Body:
        """The object; the test fails when there is none."""
        found = self.find(resource, name, namespace)
        assert found is not None, f"there is no {resource.kind} {namespace}/{name}"
        return found

    def all(self, resource: Resource, namespace: str = "") -> list[Body]:
        """The objects of a kind, with their kind."""
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        page = self.api.list_page(resource, namespace=namespace, limit=0)
        return [{**kind, **item.body} for item in page.items]

    def create(self, resource: Resource, body: Body) -> Body:
        """A new object."""
        created: Body = json.loads(self.api.create(resource, body))
        return created

    def patch(self, resource: Resource, body: Body, name: str, namespace: str = "") -> Body:
        """Merge."""
        patched: Body = json.loads(self.api.patch(resource, namespace, name, body))
        return patched

    def delete(self, resource: Resource, name: str, namespace: str = "") -> None:
        """Away with it, if it is there."""
        try:
            self.api.delete(resource, namespace, name)
        except NotFound:
            return

    def annotate(self, resource: Resource, name: str, namespace: str = "", **annotations: str | None) -> Body:
        """Set annotations; None takes one away. Keys are written with `__` for what Python does not allow."""
        return self.patch(resource, {"metadata": {"annotations": annotations}}, name, namespace)

    def set_ready(self, name: str, namespace: str, ready: bool) -> None:
        """As KServe reports it."""
        condition = {
            "type": "Ready",
            "status": str(ready),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        body = {
            "apiVersion": SERVICES.api_version,
            "kind": SERVICES.kind,
            "metadata": {"name": name, "namespace": namespace},
            "status": {"conditions": [condition]},
        }
        self.api.apply_status(SERVICES, body)

    def world(self) -> list[Body]:
        """Everything that routes depend on."""
        return [body for resource in READ for body in self.all(resource)]

    def routes(self, namespace: str = "") -> dict[tuple[str, str], Body]:
        """The VirtualServices by namespace and name."""
        found = self.all(VIRTUAL_SERVICES, namespace)
        return {(body["metadata"]["namespace"], body["metadata"]["name"]): body for body in found}


def is_mirror(split: Body) -> bool:
    """Whether a ModelSplit says that the controller made it."""
    labels: dict[str, str] = split["metadata"].get("labels") or {}
    return labels.get(MIRROR) == "true"
