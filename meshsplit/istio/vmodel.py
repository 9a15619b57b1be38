"""The gRPC routes of a group: ModelMesh takes the model's name from a header, which a weight can carry."""

from collections.abc import Sequence

from meshsplit.istio import names
from meshsplit.istio.bucketroutes import make_split_routes
from meshsplit.istio.routes import grpc_key, to_destination
from meshsplit.istio.shares import Share
from meshsplit.model import DeploymentMode, Group, Route, RouteDestination


def make_grpc_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    """Send calls whose `mm-vmodel-id` is the group to its members, each under its own name.

    The header is set, never added: two values of it would start a parallel call of several models.
    """
    match = grpc_key(group.key.name)
    return make_split_routes(group, shares, match, names.GRPC_ROUTE, destination=_destination)


def _destination(share: Share) -> RouteDestination:
    if share.member.mode is not DeploymentMode.MODEL_MESH:
        return to_destination(share)
    return to_destination(share, ((names.VMODEL_HEADER, share.member.served_name),))
