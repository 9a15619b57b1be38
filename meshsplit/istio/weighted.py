"""Weighted: plain weights, right where members answer to one name and no rewrite per member is needed."""

from collections.abc import Sequence

from meshsplit.istio import names
from meshsplit.istio.routes import make_metadata_route, make_route, to_destination, uri
from meshsplit.istio.shares import Share, by_name
from meshsplit.model import Group, MatchKind, Route


def make_weighted_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    """Weigh all v2 paths of a group on the shared host, rewritten to the one name that its members serve."""
    public = names.public_v2_path(group.routing, group.key.namespace, group.key.name)
    to = names.v2_path(shares[0].member.served_name)
    return [
        make_route(
            group.routing,
            [to_destination(share) for share in by_name(shares)],
            uri(MatchKind.PREFIX, f"{public}/"),
            names.WEIGHTED_ROUTE,
            f"{to}/",
        ),
        make_metadata_route(group.routing, shares, public, names.METADATA_ROUTE, lambda _: to),
    ]


def make_catch_all_route(group: Group, shares: Sequence[Share]) -> Route:
    """Weigh everything on a host of the group's own, as it comes."""
    return make_route(
        group.routing, [to_destination(share) for share in by_name(shares)], name=names.WEIGHTED_ROUTE
    )
