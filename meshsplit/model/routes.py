"""The routes that realise a split, before they are written as a VirtualService."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from meshsplit.affinity import ReplicaAffinity
from meshsplit.model.groups import Endpoint, Owner, Retries


class MatchKind(StrEnum):
    """The three string matches of Istio."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"


class StringMatch(NamedTuple):
    """A string match of one kind; a regex is RE2 and matches the whole value."""

    kind: MatchKind
    value: str


class RouteMatch(NamedTuple):
    """All conditions of one match must hold; headers are in order of writing."""

    uri: StringMatch | None = None
    method: StringMatch | None = None
    headers: tuple[tuple[str, StringMatch], ...] = ()


@dataclass(frozen=True, slots=True)
class Diversion:
    """Requests that go to one member whatever the weights say.

    One of `headers` has to hold; each is a list of conditions that all have to.
    """

    member: str
    headers: tuple[tuple[tuple[str, StringMatch], ...], ...]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A copy of `percent` of the requests goes to a member, whose answers nobody sees."""

    member: str
    percent: int


class RouteDestination(NamedTuple):
    """Where a route sends a request; `set_headers` are set on the request, replacing the caller's."""

    endpoint: Endpoint
    weight: int | None = None
    set_headers: tuple[tuple[str, str], ...] = ()


class Route(NamedTuple):
    """One HTTP route: any of `matches` (none: everything), then the rewrite, then the destinations.

    A copy of `mirror_percent` of the requests goes to `mirror`. `add_response_headers` are added to answers,
    where Envoy fills in what stands between percent signs.
    """

    destinations: tuple[RouteDestination, ...]
    matches: tuple[RouteMatch, ...] = ()
    name: str | None = None
    rewrite_uri: str | None = None
    rewrite_authority: str | None = None
    timeout: str | None = None
    retries: Retries | None = None
    mirror: Endpoint | None = None
    mirror_percent: int | None = None
    add_response_headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One VirtualService before it is written down: names, where it is bound, routes in order."""

    name: str
    namespace: str
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    routes: tuple[Route, ...]
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    owners: tuple[Owner, ...] = ()


@dataclass(frozen=True, slots=True)
class DestinationRulePlan:
    """One DestinationRule before it is written down: how the endpoints of `host` are chosen."""

    name: str
    namespace: str
    host: str
    affinity: ReplicaAffinity
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    owners: tuple[Owner, ...] = ()
