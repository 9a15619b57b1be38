"""Older VirtualServices on the same host that match our requests first: Istio serves the oldest, silently."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshsplit.diagnostics import FieldPath, Finding, Related
from meshsplit.istio.observed import (
    Body,
    Key,
    Observed,
    gateways_of,
    http_of,
    is_ours,
    key_of,
    ref_of,
    resolve_gateway,
    spec_of,
)
from meshsplit.istio.overlap import MatchIndex, describe, overlap

Place = tuple[Key, str]
"""A gateway and a host. Routes are joined per host as written: a concrete host hides a wildcard one."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One match of somebody else's VirtualService, and where it is."""

    body: Body
    path: FieldPath
    match: Body


def find_shadows(generated: Sequence[Body], observed: Observed) -> Iterator[Finding]:
    """MSP302, one a pair of objects: the first match of an older foreign object that takes our requests.

    Age is the creationTimestamp, then name and namespace (pilot/pkg/model, sortConfigByCreationTime). What
    has none counts as younger when it is ours, since it is yet to be created, and as older when it is not.
    """
    claims = _index_claims(observed)
    if not claims:
        return
    for made in generated:
        live = observed.virtual_services.get(key_of(made), {})
        reported = set()
        for place in _places(made):
            for claim, match in _claims_on(claims.get(place, MatchIndex()), made):
                if key_of(claim.body) not in reported and _is_older(claim.body, live):
                    reported.add(key_of(claim.body))
                    yield _shadowed(made, claim, match, place)


def _index_claims(observed: Observed) -> dict[Place, MatchIndex[_Claim]]:
    claims: dict[Place, MatchIndex[_Claim]] = {}
    for body in observed.virtual_services.values():
        for place in [] if is_ours(body) else _places(body):
            index = claims.setdefault(place, MatchIndex())
            for number, route in enumerate(http_of(body)):
                for path, match in _matches(route, ("spec", "http", number)):
                    if _applies_at(match, place, body):
                        index.add(match, _Claim(body, path, match))
    return claims


def _places(body: Body) -> list[Place]:
    hosts = spec_of(body).get("hosts") or []
    return sorted((gateway, host.lower()) for gateway in gateways_of(body) for host in hosts)


def _matches(route: Body, path: FieldPath) -> list[tuple[FieldPath, Body]]:
    """The matches of a route with their paths; a route without any matches everything."""
    matches = route.get("match") or []
    return [((*path, "match", index), match) for index, match in enumerate(matches)] or [(path, {})]


def _applies_at(match: Body, place: Place, body: Body) -> bool:
    gateways = match.get("gateways")
    return not gateways or place[0] in {resolve_gateway(name, key_of(body)[0]) for name in gateways}


def _claims_on(index: MatchIndex[_Claim], made: Body) -> Iterator[tuple[_Claim, Body]]:
    """The foreign matches that take requests of `made`, in order of our routes."""
    for route in http_of(made):
        for _, match in _matches(route, ()):
            for claim in index.near(match):
                if overlap(claim.match, match):
                    yield claim, match


def _is_older(foreign: Body, live: Body) -> bool:
    theirs, ours = _created(foreign), _created(live)
    if theirs is None or ours is None:
        return True
    return (theirs, *reversed(key_of(foreign))) < (ours, *reversed(key_of(live)))


def _created(body: Body) -> str | None:
    """The creationTimestamp as the API server writes it: RFC 3339 in UTC, so text order is time order."""
    stamp = (body.get("metadata") or {}).get("creationTimestamp")
    return stamp if isinstance(stamp, str) else None


def _shadowed(made: Body, claim: _Claim, match: Body, place: Place) -> Finding:
    (namespace, gateway), host = place
    theirs, ours = ref_of(claim.body), ref_of(made)
    return Finding(
        "MSP302",
        f"{theirs} takes requests for {describe(match)} before {ours}: both are on host {host} of gateway "
        f"{namespace}/{gateway}, and Istio serves the routes of the older object first",
        theirs,
        claim.path,
        fix="give the group a host of its own, narrow this match, or delegate to the group's VirtualService",
        related=(Related(f"the routes that come second: {ours}", ours),),
    )
