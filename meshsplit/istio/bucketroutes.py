"""Bucket routes: one route per member, told apart by the bucket that a request brings or is given."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from meshsplit.affinity import BucketAffinity, BucketCookie
from meshsplit.istio import buckets
from meshsplit.istio.routes import make_route, to_destination
from meshsplit.istio.shares import Share, by_name
from meshsplit.model import Group, MatchKind, Route, RouteDestination, RouteMatch, StringMatch

_REGEX_SIGNS = re.compile(r"[.*+^$|]")
"""The signs of a regex that the name of a cookie may hold (RFC 9110, token)."""


@dataclass(frozen=True, slots=True)
class _Level:
    """One way to know the bucket of a request: a header, and what a regex finds in it before the bucket."""

    header: str
    before: str = ""
    suffix: str = ""

    def narrow(self, route: Route, each: buckets.BucketRange) -> Route:
        """The route, for requests with a bucket in the range only."""
        bucket = StringMatch(MatchKind.REGEX, self.before + buckets.make_regex(each))
        matches = [
            match._replace(headers=(*match.headers, (self.header, bucket)))
            for match in route.matches or (RouteMatch(),)
        ]
        name = route.name and route.name + self.suffix
        return route._replace(matches=tuple(matches), name=name)


_FRESH = _Level(buckets.HEADER)


def make_split_routes(
    group: Group,
    shares: Sequence[Share],
    match: RouteMatch | None = None,
    name: str | None = None,
    rewrite_uri: str | None = None,
    destination: Callable[[Share], RouteDestination] = to_destination,
) -> list[Route]:
    """Split what needs no rewrite per member: one route with weights, or bucket routes for sticky sessions.

    Envoy draws weighted destinations anew for each request, whoever sends it.
    """
    if group.affinity is None:
        destinations = [destination(share) for share in by_name(shares)]
        return [make_route(group.routing, destinations, match, name, rewrite_uri)]
    routes = [
        make_route(
            group.routing, [destination(share)], match, name and f"{name}.{share.member.name}", rewrite_uri
        )
        for share in shares
    ]
    return make_bucket_routes(routes, shares, group.affinity)


def make_bucket_routes(
    routes: Sequence[Route], shares: Sequence[Share], affinity: BucketAffinity | None
) -> list[Route]:
    """Give every route, one per share in their order, its range of the buckets.

    Requests of known clients come first, level by level: one that brings no bucket is left to the next. The
    rest get the bucket of their own id, and a cookie with it; the last route takes all of them, so nothing
    can fall through.
    """
    ranges = buckets.make_ranges(tuple(share.weight for share in shares))
    pairs = list(zip(routes, ranges, strict=True))
    levels = _known(affinity, len(routes)) if affinity is not None else ()
    known = [level.narrow(route, each) for level in levels for route, each in pairs]
    fresh = [*(_FRESH.narrow(route, each) for route, each in pairs[:-1]), routes[-1]]
    if affinity is None or affinity.cookie is None:
        return [*known, *fresh]
    cookie = (("set-cookie", _set_cookie(affinity.cookie)),)
    return [*known, *(route._replace(add_response_headers=cookie) for route in fresh)]


def _known(affinity: BucketAffinity, members: int) -> Iterator[_Level]:
    """The levels of known clients. A lone member gets all of them, so there a bucket is only kept."""
    if affinity.header is not None and members > 1:
        # A UUID may be written in capitals.
        yield _Level(affinity.header, "(?i)", ".header")
    if affinity.cookie is not None:
        name = _REGEX_SIGNS.sub(r"\\\g<0>", affinity.cookie.name)
        yield _Level("cookie", rf"(?:.*;\s*)?{name}=", ".cookie")


def _set_cookie(cookie: BucketCookie) -> str:
    """The id of the request as the cookie's value; Envoy fills it in, and reads %% as a percent sign."""
    name = cookie.name.replace("%", "%%")
    age = f"Max-Age={cookie.max_age_seconds}; " if cookie.max_age_seconds else ""
    return f"{name}=%REQ({buckets.HEADER.upper()})%; {age}Path=/; HttpOnly; SameSite=Lax"
