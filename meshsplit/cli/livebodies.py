"""A cluster's objects as input: everything that decides what is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.cli import kinds
from meshsplit.cli.cluster import Cluster, Object
from meshsplit.cli.connection import Connection
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.kube.port import Resource
from meshsplit.model import Settings


@dataclass(frozen=True, slots=True)
class LiveBodies:
    """Objects by kind, then by namespace and name; of the kinds in `partial` those of one namespace only."""

    bodies: tuple[Object, ...]
    partial: tuple[str, ...] = ()


NOTHING_LIVE = LiveBodies(())


def read_live(connection: Connection, settings: Settings, namespace: str = "") -> LiveBodies:
    """All objects of all namespaces, since a group of another one can stand in the way of ours.

    Where a user may not list a kind everywhere, only `namespace` is read, if it is given. Istio's objects
    carry the apiVersion of the settings: it is one object in all versions. A kind that the cluster does not
    have has no objects, except InferenceServices and VirtualServices, without which there is nothing to say.
    """
    cluster = connection.open(namespace)
    version = cluster.istio_version()
    reading = _Reading(cluster, namespace)
    for resource in (
        kinds.NAMESPACES,
        kinds.INFERENCE_SERVICES,
        kinds.SERVING_RUNTIMES,
        kinds.CLUSTER_SERVING_RUNTIMES,
        kinds.MODEL_SPLITS,
    ):
        reading.read(resource, needed=resource is kinds.INFERENCE_SERVICES)
    for resource in (
        kinds.gateways(version),
        kinds.virtual_services(version),
        kinds.destination_rules(version),
    ):
        reading.read(
            resource, needed=resource.kind == "VirtualService", api_version=settings.istio_api_version
        )
    return LiveBodies(tuple(reading.bodies), tuple(reading.partial))


def say_partial(live: LiveBodies, namespace: str) -> str:
    """What a user must know about objects that were not read; "" when all were."""
    if not live.partial:
        return ""
    return (
        f"note: only namespace {namespace} was read of {', '.join(live.partial)}: you may not list them "
        "everywhere, so collisions with other namespaces are not seen"
    )


class _Reading:
    """Gathers one kind after the other."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.bodies: list[Object] = []
        self.partial: list[str] = []
        self._cluster = cluster
        self._namespace = namespace

    def read(self, resource: Resource, *, needed: bool, api_version: str = "") -> None:
        """Add the objects of one kind."""
        try:
            found = self._cluster.list(resource)
        except CannotAnswer as error:
            if error.is_missing and not needed:
                return
            if not error.is_forbidden or not self._namespace:
                raise
            found = self._read_one_namespace(resource)
            self.partial.append(resource.plural)
        self.bodies += [{**body, "apiVersion": api_version or body["apiVersion"]} for body in found]

    def _read_one_namespace(self, resource: Resource) -> list[Object]:
        if resource.namespaced:
            return self._cluster.list(resource, self._namespace)
        if resource is not kinds.NAMESPACES:
            return []
        found = self._cluster.find(resource, "", self._namespace)
        return [] if found is None else [found]


def owned_by(body: Mapping[str, Any], manager: str) -> Object:
    """The object without the labels and annotations that other field managers put beside those of `manager`.

    An object that `manager` never applied is left whole.
    """
    metadata = dict(body["metadata"])
    owned = _owned_metadata(metadata.get("managedFields"), manager)
    if owned is None:
        return dict(body)
    for name in ("labels", "annotations"):
        fields = owned.get(f"f:{name}") or {}
        kept = {key: value for key, value in (metadata.get(name) or {}).items() if f"f:{key}" in fields}
        metadata.pop(name, None)
        metadata.update({name: kept} if kept else {})
    return {**body, "metadata": metadata}


def _owned_metadata(entries: object, manager: str) -> Mapping[str, Any] | None:
    for entry in entries if isinstance(entries, list) else ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            fields = entry.get("fieldsV1") or {}
            return fields.get("f:metadata") or {}
    return None
