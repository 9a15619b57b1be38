"""Builders for groups, and their VirtualServices, in tests of the Istio sink."""

from collections.abc import Mapping
from typing import Any

from meshsplit.istio.plan import make_group_plan, make_model_plan
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    Model,
    RestStrategy,
    Routing,
    Split,
)

API_VERSION = "networking.istio.io/v1"
GATEWAY = "istio-system/ingress"
LOOP = Endpoint("istio-ingressgateway.istio-system.svc.cluster.local", 80)
MODEL_MESH = "modelmesh-serving.ns.svc.cluster.local"


def make_routing(**fields: Any) -> Routing:
    """The routing of the shared host, changed by `fields`."""
    usual: dict[str, Any] = {
        "hosts": ("*",),
        "gateways": (GATEWAY,),
        "rest": RestStrategy.SINGLE_HOP,
        "loop": LOOP,
    }
    return Routing(**{**usual, **fields})


def make_own_routing(**fields: Any) -> Routing:
    """The routing of a host of the group's own, changed by `fields`."""
    return make_routing(**{"hosts": ("g-ns.example.com",), "own_host": True, **fields})


def model_mesh(name: str) -> Member:
    """A ModelMesh member."""
    return Member(
        name, DeploymentMode.MODEL_MESH, name, Endpoint(MODEL_MESH, 8008), Endpoint(MODEL_MESH, 8033)
    )


def standard(name: str, served: str | None = None, rest: bool = True) -> Member:
    """A Standard member that serves `served` (its own name unless given)."""
    here = Endpoint(f"{name}-predictor.ns.svc.cluster.local", 80)
    return Member(name, DeploymentMode.STANDARD, served or name, here if rest else None, here)


def knative(name: str, served: str | None = None) -> Member:
    """A Knative member, which is reached by its host alone."""
    host = f"{name}-predictor.ns.svc.cluster.local"
    here = Endpoint(host, 80, authority=host)
    return Member(name, DeploymentMode.KNATIVE, served or name, here, here)


def make_group(*members: Member, routing: Routing | None = None, stable: str | None = None) -> Group:
    """Group `g` of namespace `ns`."""
    return Group(GroupKey("ns", "g"), members, None, routing or make_routing(), stable_member=stable)


def make_split(weights: Mapping[str, int]) -> Split:
    """A split of these weights, in total their sum."""
    return Split(tuple(sorted(weights.items())), sum(weights.values()))


def write_group(group: Group, **weights: int) -> dict[str, Any]:
    """The VirtualService of a group; the weights of its members by name."""
    return make_virtual_service(make_group_plan(group, make_split(weights)), API_VERSION)


def write_model(name: str, routing: Routing | None = None) -> dict[str, Any]:
    """The VirtualService of a single model of namespace `ns`."""
    member = model_mesh(name)
    assert member.rest is not None
    model = Model("ns", name, member.rest, member.grpc, routing or make_routing())
    return make_virtual_service(make_model_plan(model), API_VERSION)
