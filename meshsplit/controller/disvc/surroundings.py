"""What decides about a DistributedInferenceService from around it: its gateway, and the runtimes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.controller.index import InNamespace
from meshsplit.istio.observed import resolve_gateway
from meshsplit.kserve.namespaces import to_mesh_namespace
from meshsplit.kserve.objects import NamespaceObject, ServingRuntime

if TYPE_CHECKING:
    from meshsplit.controller.cache import Cache
    from meshsplit.model import Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The gateway is None where none is named; `unrouted` says why it brings nothing in."""

    gateway: str | None
    unrouted: str
    runtimes: tuple[ServingRuntime, ...]


def find_surroundings(cache: Cache, namespace: str, settings: Settings) -> Surroundings:
    """The namespace's own gateway before that of the settings; the namespace's runtimes and the cluster's."""
    found = cache.namespaces.of_group(InNamespace(namespace))
    meshes = [to_mesh_namespace(each, settings)[0] for each in found if isinstance(each, NamespaceObject)]
    own = next((mesh.gateway for mesh in meshes if mesh.mesh_on and mesh.gateway), None)
    gateway = own or settings.gateway
    runtimes = (*cache.runtimes.of_group(InNamespace(namespace)), *cache.cluster_runtimes.values())
    return Surroundings(
        gateway,
        _why_unrouted(cache, gateway, namespace),
        tuple(runtime for runtime in runtimes if isinstance(runtime, ServingRuntime)),
    )


def _why_unrouted(cache: Cache, gateway: str | None, namespace: str) -> str:
    """Where Gateways can be seen, whether there is that one."""
    if gateway is None:
        return "no gateway is named, by the namespace or by the settings; only sidecars are routed"
    known = [(body["metadata"]["namespace"], body["metadata"]["name"]) for body in cache.gateways.values()]
    if not known or resolve_gateway(gateway, namespace) in known:
        return ""
    return (
        f"gateway {gateway} is not there, so nothing comes in from outside; name one in the annotation "
        f"service-mesh.opendatahub.io/public-gateway-name of namespace {namespace}, or in the setting gateway"
    )
