"""Groups as the product writes them: many of them, on one host or on many, behind one backend."""

from collections.abc import Iterable, Sequence
from typing import Any

from meshsplit.api.names import expand_host
from meshsplit.istio.plan import make_group_plan, make_model_plan
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.local.mesh import Endpoint as Address
from meshsplit.local.mesh import MeshConfig, Service, ServicePort, to_mesh
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    Model,
    RestStrategy,
    Routing,
    Settings,
    Split,
)

GROUPS_A_NAMESPACE = 50
"""Groups of one namespace, and so of one host where the template of hosts is `{namespace}`."""

SHARED = "*"
TEMPLATE = "{namespace}.models.example.com"

STABLE, CANARY = "one", "two"
WEIGHTS = {STABLE: 80, CANARY: 20}

_SETTINGS = Settings()
_REST_PORT, _GRPC_PORT = 8008, 8033  # of modelmesh-serving
_LOCAL = "127.0.0.1"


def make_group(number: int, rest: RestStrategy, template: str = SHARED) -> Group:
    """Group `number` of a fleet: two ModelMesh members at 80/20, REST and gRPC."""
    key = to_key(number)
    members = tuple(_make_member(key, name) for name in (STABLE, CANARY))
    split = Split(tuple((member.name, WEIGHTS[member.name.rpartition("-")[2]]) for member in members))
    return Group(key, members, split, _make_routing(key, rest, template))


def make_plain_model(number: int, template: str = SHARED) -> Model:
    """A model that is in no group, exposed under the name that group `number` would have."""
    key = to_key(number)
    member = _make_member(key, STABLE)
    assert member.rest is not None
    return Model(
        key.namespace,
        key.name,
        member.rest,
        member.grpc,
        _make_routing(key, RestStrategy.SINGLE_HOP, template),
    )


def make_member_models(group: Group) -> list[Model]:
    """The group's members, each exposed under its own name beside the group."""
    return [
        Model(group.key.namespace, member.name, member.rest, member.grpc, group.routing)
        for member in group.members
        if member.rest is not None
    ]


def to_key(number: int) -> GroupKey:
    """Names whose order is that of the numbers, so that a host's last group is the one with the highest."""
    return GroupKey(f"team-{number // GROUPS_A_NAMESPACE:04}", f"group-{number:05}")


def to_host(number: int, template: str) -> str:
    """The host of group `number`; any will do where the template is `*`."""
    key = to_key(number)
    return "any.example.com" if template == SHARED else expand_host(template, key.namespace, key.name)


def to_path(number: int) -> str:
    """The path on which clients of group `number` infer."""
    key = to_key(number)
    return f"/modelmesh/{key.namespace}/v2/models/{key.name}/infer"


def to_members(number: int) -> tuple[str, ...]:
    """The names of the group's members."""
    return tuple(f"{to_key(number).name}-{name}" for name in (STABLE, CANARY))


def write(groups: Iterable[Group], models: Iterable[Model] = ()) -> list[dict[str, Any]]:
    """The VirtualServices of groups and models, as `render` writes them."""
    plans = [make_group_plan(group, group.target) for group in groups if group.target is not None]
    plans += [make_model_plan(model) for model in models]
    return [make_virtual_service(plan, _SETTINGS.istio_api_version) for plan in plans]


def make_mesh(objects: Sequence[dict[str, Any]], backend_port: int, gateway_port: int) -> MeshConfig:
    """What Envoy serves: every model is at `backend_port`, the first hop of Loopback at the gateway."""
    hosts = {body["metadata"]["namespace"] for body in objects}
    services = [_make_service(_to_service_host(namespace), backend_port) for namespace in sorted(hosts)]
    loop = ServicePort(_SETTINGS.loop.port, http2=False, endpoints=(Address(_LOCAL, gateway_port, {}),))
    return to_mesh(objects, [*services, Service(_SETTINGS.loop.host, (loop,))], gateway_port)


def _make_service(host: str, port: int) -> Service:
    here = (Address(_LOCAL, port, {}),)
    return Service(host, (ServicePort(_REST_PORT, False, here), ServicePort(_GRPC_PORT, True, here)))


def _make_member(key: GroupKey, name: str) -> Member:
    host = _to_service_host(key.namespace)
    rest, grpc = Endpoint(host, _REST_PORT), Endpoint(host, _GRPC_PORT)
    full = f"{key.name}-{name}"
    return Member(full, DeploymentMode.MODEL_MESH, full, rest, grpc)


def _make_routing(key: GroupKey, rest: RestStrategy, template: str) -> Routing:
    hosts = (expand_host(template, key.namespace, key.name),)
    return Routing(hosts, ("istio-system/public",), rest, _SETTINGS.loop)


def _to_service_host(namespace: str) -> str:
    return f"modelmesh-serving.{namespace}.svc.cluster.local"
