"""Which model servers a translation needs, and the Services that lead to them; pure."""

from collections.abc import Iterable, Mapping, Sequence

from meshsplit.local.mesh.services import Endpoint as Address
from meshsplit.local.mesh.services import Service, ServicePort
from meshsplit.local.models.spec import ModelMeshServing, Ports, Serving, ServingKey, StandardServing
from meshsplit.model import DeploymentMode, Endpoint, Member, Translation

LOOPBACK = "127.0.0.1"


def to_servings(translation: Translation) -> tuple[Serving, ...]:
    """Everything a route may lead to, by key: one serving per ModelMesh namespace, one per other member."""
    meshes: dict[str, set[str]] = {}
    members: dict[ServingKey, StandardServing] = {}
    for model in translation.models:
        meshes.setdefault(model.namespace, set()).add(model.name)
    for namespace, member in _members(translation):
        if member.mode is DeploymentMode.MODEL_MESH:
            meshes.setdefault(namespace, set()).add(member.served_name)
        else:
            serving = StandardServing(namespace, member.name, member.served_name, member.rest is None)
            members[serving.key] = serving
    shared = [ModelMeshServing(namespace, tuple(sorted(models))) for namespace, models in meshes.items()]
    return tuple(sorted([*shared, *members.values()], key=lambda serving: _sort_key(serving.key)))


def union(before: Iterable[Serving], after: Iterable[Serving]) -> tuple[Serving, ...]:
    """Everything that either side serves: what must answer while routes change from one to the other."""
    both = {serving.key: serving for serving in before}
    for serving in after:
        earlier = both.get(serving.key)
        if isinstance(serving, ModelMeshServing) and isinstance(earlier, ModelMeshServing):
            models = tuple(sorted({*earlier.models, *serving.models}))
            both[serving.key] = ModelMeshServing(serving.namespace, models)
        else:
            both[serving.key] = serving
    return tuple(sorted(both.values(), key=lambda serving: _sort_key(serving.key)))


def to_services(
    translation: Translation, ports: Mapping[ServingKey, Ports], gateway_port: int
) -> tuple[Service, ...]:
    """Lead every endpoint that a route names to the local port that stands in for it, sorted by host.

    `gateway_port` stands behind the gateway's own Service, the first hop of `Loopback`.
    """
    found: dict[tuple[str, int], tuple[bool, int]] = {}

    def add(endpoint: Endpoint | None, port: int | None, http2: bool) -> None:
        if endpoint is not None and port is not None:
            found.setdefault((endpoint.host, endpoint.port), (http2, port))

    for model in translation.models:
        shared = ports[model.namespace, None]
        add(model.rest, shared.rest, http2=False)
        add(model.grpc, shared.grpc, http2=True)
    for namespace, member in _members(translation):
        isvc = None if member.mode is DeploymentMode.MODEL_MESH else member.name
        own = ports[namespace, isvc]
        add(member.rest, own.rest, http2=False)
        add(member.grpc, own.grpc, http2=True)
    for outcome in translation.outcomes:
        add(outcome.group.routing.loop, gateway_port, http2=False)
    return _by_host(found)


def _by_host(found: Mapping[tuple[str, int], tuple[bool, int]]) -> tuple[Service, ...]:
    hosts: dict[str, list[ServicePort]] = {}
    for (host, number), (http2, port) in sorted(found.items()):
        address = Address(LOOPBACK, port, {})
        hosts.setdefault(host, []).append(ServicePort(number, http2, (address,)))
    return tuple(Service(host, tuple(ports)) for host, ports in hosts.items())


def _members(translation: Translation) -> Sequence[tuple[str, Member]]:
    return [(o.group.key.namespace, member) for o in translation.outcomes for member in o.group.members]


def _sort_key(key: ServingKey) -> tuple[str, str]:
    namespace, isvc = key
    return namespace, isvc or ""
