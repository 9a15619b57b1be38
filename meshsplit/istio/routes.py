"""One builder for every route, so that what holds for all of them is said once."""

from collections.abc import Callable, Sequence

from meshsplit.istio import names
from meshsplit.istio.shares import Share, heaviest
from meshsplit.model import MatchKind, Route, RouteDestination, RouteMatch, Routing, StringMatch

HOST_HEADER = "Host"
"""Set on one of several destinations, istiod makes a host rewrite of it (pilot/pkg/networking/core/route/
route.go, processWeightedDestination); on a whole route `rewrite.authority` says the same."""

_POST = StringMatch(MatchKind.EXACT, "POST")
_GRPC = StringMatch(MatchKind.PREFIX, "application/grpc")


def make_route(
    routing: Routing,
    destinations: Sequence[RouteDestination],
    match: RouteMatch | None = None,
    name: str | None = None,
    rewrite_uri: str | None = None,
) -> Route:
    """Build a route with the group's timeout and retries; a lone destination needs no weight.

    A destination whose endpoint needs an authority gets it: as the route's rewrite when it is alone.
    """
    alone = len(destinations) == 1
    return Route(
        destinations=(_without_weight(destinations[0]),) if alone else tuple(map(_with_host, destinations)),
        matches=() if match is None else (match,),
        name=name,
        rewrite_uri=rewrite_uri,
        rewrite_authority=(destinations[0].endpoint.authority or None) if alone else None,
        timeout=routing.timeout,
        retries=routing.retries,
    )


def make_metadata_route(
    routing: Routing, shares: Sequence[Share], path: str, name: str, rewrite: Callable[[str], str]
) -> Route:
    """Build the exact route of the metadata at `path` to the heaviest member, at `rewrite(served name)`.

    A metadata request carries no payload, so it needs no split, and one route is enough.
    """
    share = heaviest(shares)
    match = uri(MatchKind.EXACT, path)
    return make_route(routing, [to_destination(share)], match, name, rewrite(share.member.served_name))


def to_destination(share: Share, set_headers: tuple[tuple[str, str], ...] = ()) -> RouteDestination:
    """Name the share's endpoint with its weight."""
    return RouteDestination(share.endpoint, share.weight, set_headers)


def uri(kind: MatchKind, path: str, headers: tuple[tuple[str, StringMatch], ...] = ()) -> RouteMatch:
    """Match a path, and headers if any are given."""
    return RouteMatch(uri=StringMatch(kind, path), headers=headers)


def grpc_key(name: str) -> RouteMatch:
    """Match ModelMesh gRPC calls for a model or group."""
    return RouteMatch(
        method=_POST,
        headers=(
            ("content-type", _GRPC),
            (names.VMODEL_HEADER, StringMatch(MatchKind.EXACT, name)),
        ),
    )


def _without_weight(destination: RouteDestination) -> RouteDestination:
    return destination if destination.weight is None else destination._replace(weight=None)


def _with_host(destination: RouteDestination) -> RouteDestination:
    authority = destination.endpoint.authority
    if not authority:
        return destination
    return destination._replace(set_headers=(*destination.set_headers, (HOST_HEADER, authority)))
