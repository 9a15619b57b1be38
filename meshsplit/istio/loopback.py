"""Loopback: the shape of 2023, with visible weights and a second pass through the gateway."""

from collections.abc import Sequence

from meshsplit.istio import names
from meshsplit.istio.bucketroutes import make_split_routes
from meshsplit.istio.routes import make_route, to_destination, uri
from meshsplit.istio.shares import Share, by_name
from meshsplit.model import Group, MatchKind, Model, Route, RouteDestination, StringMatch


def make_loopback_routes(group: Group, shares: Sequence[Share]) -> list[Route]:
    """Weigh the infer path over the gateway's own Service, then route by the member it wrote in a header.

    Members are in order of name and the routes have no names: what the 2023 controller wrote.
    """
    public = names.public_v2_path(group.routing, group.key.namespace, group.key.name)
    loop = names.loop_path(group.key.namespace, group.key.name)
    match = uri(MatchKind.EXACT, f"{public}/infer")
    first = make_split_routes(
        group, shares, match, rewrite_uri=loop, destination=lambda share: _first_hop(group, share)
    )
    return [*first, *(_second_hop(group, share, loop) for share in by_name(shares))]


def make_model_infer_route(model: Model) -> Route:
    """Route only the infer path of a single model, as the 2023 controller did."""
    public = names.public_v2_path(model.routing, model.namespace, model.name)
    return make_route(
        model.routing,
        [RouteDestination(model.rest)],
        uri(MatchKind.EXACT, f"{public}/infer"),
        rewrite_uri=f"{names.v2_path(model.name)}/infer",
    )


def _first_hop(group: Group, share: Share) -> RouteDestination:
    return RouteDestination(group.routing.loop, share.weight, ((names.LOOP_HEADER, share.member.name),))


def _second_hop(group: Group, share: Share, loop: str) -> Route:
    member = StringMatch(MatchKind.EXACT, share.member.name)
    match = uri(MatchKind.EXACT, loop, ((names.LOOP_HEADER, member),))
    rewrite = f"{names.v2_path(share.member.served_name)}/infer"
    return make_route(group.routing, [to_destination(share)], match, rewrite_uri=rewrite)
