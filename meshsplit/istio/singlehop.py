"""SingleHop: one bucket route per member, each with that member's rewrite; every request passes once."""

from collections.abc import Callable, Sequence

from meshsplit.istio import buckets, names
from meshsplit.istio.routes import make_metadata_route, make_route, to_destination, uri
from meshsplit.istio.shares import Share
from meshsplit.model import Group, MatchKind, Route, Routing, StringMatch


def make_singlehop_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    """Split all v2 paths of the group, then send its metadata to the heaviest member."""
    public = names.public_v2_path(group.routing, group.key.namespace, group.key.name)
    members = make_member_routes(
        group.routing,
        shares,
        prefix=f"{public}/",
        rewrite=lambda served: f"{names.v2_path(served)}/",
        name=lambda member: names.v2_route(group.key.name, member),
    )
    return [*members, make_metadata_route(group.routing, shares, public, names.METADATA_ROUTE, names.v2_path)]


def make_member_routes(
    routing: Routing,
    shares: Sequence[Share],
    prefix: str,
    rewrite: Callable[[str], str],
    name: Callable[[str], str],
) -> list[Route]:
    """Build one route per share for the paths under `prefix`, rewritten to `rewrite(served name)`.

    The last route has no bucket match, so no request can fall through; a lone member needs no regex at all.
    """
    ranges = buckets.make_ranges([share.weight for share in shares])[:-1]
    bucket_headers = [((buckets.HEADER, _regex(each)),) for each in ranges]
    return [
        make_route(
            routing,
            [to_destination(share)],
            uri(MatchKind.PREFIX, prefix, headers),
            name(share.member.name),
            rewrite(share.member.served_name),
        )
        for share, headers in zip(shares, [*bucket_headers, ()], strict=True)
    ]


def _regex(each: buckets.BucketRange) -> StringMatch:
    return StringMatch(MatchKind.REGEX, buckets.make_regex(each))
