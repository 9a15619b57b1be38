"""The gRPC route of a group: native weights, because ModelMesh takes the model's name from a header."""

from collections.abc import Sequence

from meshsplit.istio import names
from meshsplit.istio.routes import grpc_key, make_route, to_destination
from meshsplit.istio.shares import Share, by_name
from meshsplit.model import DeploymentMode, Group, Route, RouteDestination


def make_grpc_route(group: Group, shares: Sequence[Share]) -> Route:
    """Send calls whose `mm-vmodel-id` is the group to its members, each under its own name.

    The header is set, never added: two values of it would start a parallel call of several models.
    """
    destinations = [_destination(share) for share in by_name(shares)]
    return make_route(group.routing, destinations, grpc_key(group.key.name), names.GRPC_ROUTE)


def _destination(share: Share) -> RouteDestination:
    if share.member.mode is not DeploymentMode.MODEL_MESH:
        return to_destination(share)
    return to_destination(share, ((names.VMODEL_HEADER, share.member.served_name),))
