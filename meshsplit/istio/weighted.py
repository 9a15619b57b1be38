"""Weighted: plain weights, right where members answer to one name and no rewrite per member is needed."""

from collections.abc import Sequence

from meshsplit.istio import names
from meshsplit.istio.bucketroutes import make_split_routes
from meshsplit.istio.routes import make_metadata_route, uri
from meshsplit.istio.shares import Share
from meshsplit.model import Group, MatchKind, Route


def make_weighted_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    """Weigh all v2 paths of a group on the shared host, rewritten to the one name that its members serve."""
    public = names.public_v2_path(group.routing, group.key.namespace, group.key.name)
    to = names.v2_path(shares[0].member.served_name)
    match = uri(MatchKind.PREFIX, f"{public}/")
    return [
        *make_split_routes(group, shares, match, names.WEIGHTED_ROUTE, f"{to}/"),
        make_metadata_route(group.routing, shares, public, names.METADATA_ROUTE, lambda _: to),
    ]


def make_catch_all_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    """Weigh everything on a host of the group's own, as it comes."""
    return make_split_routes(group, shares, name=names.WEIGHTED_ROUTE)
