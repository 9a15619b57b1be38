"""A group on a host of its own: native paths, rewritten only where members do not serve the group's name."""

from collections.abc import Sequence

from meshsplit.istio import names
from meshsplit.istio.routes import make_metadata_route
from meshsplit.istio.shares import Share, anything, grpc, make_shares, rest
from meshsplit.istio.singlehop import make_member_routes, make_singlehop_routes
from meshsplit.istio.vmodel import make_grpc_routes
from meshsplit.istio.weighted import make_catch_all_routes
from meshsplit.model import DeploymentMode, Group, Protocol, Route, Split


def make_own_host_routes(group: Group, split: Split) -> list[Route]:
    """Route ModelMesh's gRPC key, then REST per member where needed, then everything else by plain weights.

    What speaks gRPC without ModelMesh names its model in the payload, so it has no route before the last. The
    last never leads to ModelMesh: its Service answers for every model of the namespace, exposed or not.
    """
    routes: list[Route] = []
    grpc_shares = make_shares(group, split, grpc)
    if Protocol.GRPC in group.routing.protocols and any(map(_is_model_mesh, grpc_shares)):
        routes += make_grpc_routes(group, grpc_shares)
    rest_shares = make_shares(group, split, rest)
    if Protocol.HTTP in group.routing.protocols and _needs_rewrite(group, rest_shares):
        routes += _make_rewriting_routes(group, rest_shares)
    shares = [share for share in make_shares(group, split, anything) if not _is_model_mesh(share)]
    return [*routes, *make_catch_all_routes(group, shares)] if shares else routes


def _make_rewriting_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    v2 = make_singlehop_routes(group, shares)
    if all(map(_is_model_mesh, shares)):
        return v2
    public = names.v1_path(group.key.name)
    v1 = make_member_routes(
        group,
        shares,
        prefix=f"{public}:",
        rewrite=lambda served: f"{names.v1_path(served)}:",
        name=lambda member: names.v1_route(group.key.name, member),
    )
    metadata = make_metadata_route(group.routing, shares, public, names.V1_METADATA_ROUTE, names.v1_path)
    return [*v2, *v1, metadata]


def _needs_rewrite(group: Group, shares: Sequence[Share]) -> bool:
    return any(share.member.served_name != group.key.name for share in shares)


def _is_model_mesh(share: Share) -> bool:
    return share.member.mode is DeploymentMode.MODEL_MESH
