"""Who gets how much of a group's traffic, and in which order the routes say so."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from meshsplit.model import Endpoint, Group, Member, Split


class Share(NamedTuple):
    """The weight (>= 1) of one member and where its requests go."""

    member: Member
    weight: int
    endpoint: Endpoint


def rest(member: Member) -> Endpoint | None:
    """Where the member answers REST."""
    return member.rest


def grpc(member: Member) -> Endpoint | None:
    """Where the member answers gRPC."""
    return member.grpc


def anything(member: Member) -> Endpoint | None:
    """Where the member answers what no rewrite names: REST if it speaks it, else gRPC."""
    return member.rest or member.grpc


def make_shares(
    group: Group, split: Split, endpoint_of: Callable[[Member], Endpoint | None]
) -> tuple[Share, ...]:
    """Shares of the members that have weight and an endpoint of the asked kind, in route order.

    Route order is by name with the stable member last, whatever the weights: a stable place is what makes a
    raised share move requests one way only. Without a (known) stable member the first by name is it.
    """
    shares = []
    for member in _route_order(group):
        weight, endpoint = split.of(member.name), endpoint_of(member)
        if weight and endpoint is not None:
            shares.append(Share(member, weight, endpoint))
    return tuple(shares)


def by_name(shares: Sequence[Share]) -> list[Share]:
    """The order of weighted destinations: Envoy draws anew for each request, so their order moves nothing."""
    return sorted(shares, key=lambda share: share.member.name)


def heaviest(shares: Sequence[Share]) -> Share:
    """The share with the largest weight; of equal ones the last in route order."""
    return max(reversed(shares), key=lambda share: share.weight)


def _route_order(group: Group) -> list[Member]:
    by_name = sorted(group.members, key=lambda member: member.name)
    stable = next((m for m in by_name if m.name == group.stable_member), by_name[0] if by_name else None)
    return sorted(by_name, key=lambda member: member is stable)
