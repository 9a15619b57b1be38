"""The plan of one VirtualService: the routes of a group or a model, in order, and the marks of the object."""

from dataclasses import replace

from meshsplit.istio import names
from meshsplit.istio.asides import copy_to, divert
from meshsplit.istio.loopback import make_loopback_routes, make_model_infer_route
from meshsplit.istio.ownhost import make_own_host_routes
from meshsplit.istio.routes import grpc_key, make_route, uri
from meshsplit.istio.shares import grpc, make_shares, rest
from meshsplit.istio.singlehop import make_singlehop_routes
from meshsplit.istio.strategy import written_strategy
from meshsplit.istio.vmodel import make_grpc_routes
from meshsplit.istio.weighted import make_weighted_routes
from meshsplit.model import (
    Diversion,
    Group,
    MatchKind,
    Model,
    Protocol,
    RestStrategy,
    Route,
    RouteDestination,
    RoutePlan,
    Routing,
    RoutingMode,
    Shadow,
    Split,
)

STRATEGIES = {
    RestStrategy.SINGLE_HOP: make_singlehop_routes,
    RestStrategy.LOOPBACK: make_loopback_routes,
    RestStrategy.WEIGHTED: make_weighted_routes,
}

_MARKERS = tuple(sorted(names.GITOPS_MARKERS))


def make_group_plan(
    group: Group, split: Split, diversion: Diversion | None = None, shadow: Shadow | None = None
) -> RoutePlan:
    """Plan the routes that give `group` the `split`; members without weight are left out.

    Requests of a `diversion` are looked at first; a `shadow` gets copies of the others, where it can.

    A route of a protocol that not every member speaks is split among those that do, in proportion. Weight for
    a member that the group does not have is a ValueError: it would be lost without a word.
    """
    unknown = {name for name, weight in split.weights if weight} - {member.name for member in group.members}
    if unknown:
        raise ValueError(f"split of {group.key} names {sorted(unknown)}, which are not its members")
    hosts, gateways = _binding(group.routing)
    return RoutePlan(
        name=names.splitting_name(group.key.name),
        namespace=group.key.namespace,
        hosts=hosts,
        gateways=gateways,
        routes=tuple(_make_all_routes(group, split, diversion, shadow)),
        labels=((names.MANAGED_BY, names.MANAGER),),
        annotations=_sorted((names.MODEL_TAG, group.key.name), (names.WEIGHTS, str(split))),
        owners=group.owners,
    )


def make_model_plan(model: Model) -> RoutePlan:
    """Plan the routes that expose one model under its own name."""
    hosts, gateways = _binding(model.routing)
    return RoutePlan(
        name=model.name,
        namespace=model.namespace,
        hosts=hosts,
        gateways=gateways,
        routes=tuple(_make_model_routes(model)),
        labels=((names.MANAGED_BY, names.MANAGER), (names.INFERENCESERVICE_NAME, model.name)),
        annotations=_MARKERS,
        owners=() if model.owner is None else (model.owner,),
    )


def _binding(routing: Routing) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Hosts and gateways; Istio takes an object without hosts for a delegate, which may have no gateways."""
    return ((), ()) if routing.mode is RoutingMode.DELEGATE else (routing.hosts, routing.gateways)


def _sorted(*annotations: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((*_MARKERS, *annotations)))


def _make_all_routes(
    group: Group, split: Split, diversion: Diversion | None, shadow: Shadow | None
) -> list[Route]:
    routes = _make_group_routes(group, split)
    if shadow is not None:
        routes = copy_to(routes, group, shadow)
    if diversion is None:
        return routes
    alone = Split(((diversion.member, split.total),), split.total)
    # Who is diverted is no part of the split, and is given no bucket of it.
    theirs = _make_group_routes(replace(group, affinity=None), alone)
    return [*divert(theirs, diversion), *routes]


def _make_group_routes(group: Group, split: Split) -> list[Route]:
    if group.routing.own_host:
        return make_own_host_routes(group, split)
    routes: list[Route] = []
    grpc_shares = make_shares(group, split, grpc)
    if Protocol.GRPC in group.routing.protocols and grpc_shares:
        routes += make_grpc_routes(group, grpc_shares)
    rest_shares = make_shares(group, split, rest)
    if Protocol.HTTP in group.routing.protocols and rest_shares:
        routes += STRATEGIES[written_strategy(group)](group, rest_shares)
    return routes


def _make_model_routes(model: Model) -> list[Route]:
    loopback = model.routing.rest is RestStrategy.LOOPBACK
    routes: list[Route] = []
    if Protocol.GRPC in model.routing.protocols and model.grpc is not None:
        name = None if loopback else names.GRPC_ROUTE
        routes.append(make_route(model.routing, [RouteDestination(model.grpc)], grpc_key(model.name), name))
    if Protocol.HTTP in model.routing.protocols:
        routes += [make_model_infer_route(model)] if loopback else _make_model_rest_routes(model)
    return routes


def _make_model_rest_routes(model: Model) -> list[Route]:
    public = names.public_v2_path(model.routing, model.namespace, model.name)
    native = names.v2_path(model.name)
    to = [RouteDestination(model.rest)]
    return [
        make_route(model.routing, to, uri(MatchKind.PREFIX, f"{public}/"), model.name, f"{native}/"),
        make_route(model.routing, to, uri(MatchKind.EXACT, public), names.METADATA_ROUTE, native),
    ]
