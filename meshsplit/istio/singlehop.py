"""SingleHop: one bucket route per member, each with that member's rewrite; every request passes once."""

from collections.abc import Callable, Sequence

from meshsplit.istio import names
from meshsplit.istio.bucketroutes import make_bucket_routes
from meshsplit.istio.routes import make_metadata_route, make_route, to_destination, uri
from meshsplit.istio.shares import Share
from meshsplit.model import Group, MatchKind, Route


def make_singlehop_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    """Split all v2 paths of the group, then send its metadata to the heaviest member."""
    public = names.public_v2_path(group.routing, group.key.namespace, group.key.name)
    members = make_member_routes(
        group,
        shares,
        prefix=f"{public}/",
        rewrite=lambda served: f"{names.v2_path(served)}/",
        name=lambda member: names.v2_route(group.key.name, member),
    )
    return [*members, make_metadata_route(group.routing, shares, public, names.METADATA_ROUTE, names.v2_path)]


def make_member_routes(
    group: Group,
    shares: Sequence[Share],
    prefix: str,
    rewrite: Callable[[str], str],
    name: Callable[[str], str],
) -> list[Route]:
    """Split the paths under `prefix`, rewritten to `rewrite(served name)` of the member that gets them."""
    routes = [
        make_route(
            group.routing,
            [to_destination(share)],
            uri(MatchKind.PREFIX, prefix),
            name(share.member.name),
            rewrite(share.member.served_name),
        )
        for share in shares
    ]
    return make_bucket_routes(routes, shares, group.affinity)
