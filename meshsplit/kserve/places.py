"""Groups and models that meet on one host of one gateway, or under one name in several namespaces.

Claimants come with the oldest first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from meshsplit.kserve import keys
from meshsplit.kserve.claims import GROUP, Claimant, Loss, Lost, Place


def find_shared_names(claimants: Iterable[Claimant]) -> Iterator[Loss]:
    """MSP202 for every group but the oldest of those that share a name across namespaces."""
    by_name: dict[str, list[Claimant]] = defaultdict(list)
    for claimant in claimants:
        if claimant.key[0] == GROUP:
            by_name[claimant.name].append(claimant)
    for first, *others in by_name.values():
        for other in others:
            yield other.lose(
                Lost.NOTHING,
                "MSP202",
                f"{other} has the name of {first}; they are separate groups",
                "nothing, if that is meant; else give one of them another name",
                first,
            )


def find_taken_places(claimants: Iterable[Claimant]) -> Iterator[Loss]:
    """MSP204: a name with a host of its own takes every path there, so nobody else can be on it."""
    owners: dict[Place, Claimant] = {}
    guests: dict[Place, Claimant] = {}
    for claimant in claimants:
        alone = claimant.routing is not None and claimant.routing.own_host
        places = list(claimant.places())
        taken = [(place, owners.get(place) or (guests.get(place) if alone else None)) for place in places]
        conflict = next(((place, holder) for place, holder in taken if holder is not None), None)
        if conflict is not None:
            yield _lose_place(claimant, *conflict)
            continue
        for place in places:
            (owners if alone else guests).setdefault(place, claimant)


def find_taken_grpc_keys(claimants: Iterable[Claimant]) -> Iterator[Loss]:
    """MSP211: on a shared host the gRPC key is the bare name, so the oldest of that name keeps it."""
    holders: dict[tuple[Place, str], Claimant] = {}
    for claimant in claimants:
        if not claimant.grpc or claimant.routing is None or claimant.routing.own_host:
            continue
        places = list(claimant.places())
        taken = ((place, holders.get((place, claimant.name))) for place in places)
        # A group and a model of one namespace and name are MSP203.
        foreign = ((p, h) for p, h in taken if h is not None and h.namespace != claimant.namespace)
        conflict = next(foreign, None)
        if conflict is not None:
            yield _lose_grpc_key(claimant, *conflict)
            continue
        for place in places:
            holders.setdefault((place, claimant.name), claimant)


def _lose_place(claimant: Claimant, place: Place, holder: Claimant) -> Loss:
    gateway, host = place
    example = f"{claimant.name}.{host.removeprefix('*.')}" if host != "*" else f"{claimant.name}.example.com"
    return claimant.lose(
        Lost.EVERYTHING,
        "MSP204",
        f"{claimant} and {holder} claim the same paths of host {host} on gateway {gateway}",
        f"give one of them a host of its own (routing.hosts of a ModelSplit), for example {example}",
        holder,
    )


def _lose_grpc_key(claimant: Claimant, place: Place, holder: Claimant) -> Loss:
    gateway, host = place
    return claimant.lose(
        Lost.GRPC,
        "MSP211",
        f"gRPC requests with mm-vmodel-id {claimant.name} on host {host} of gateway {gateway} "
        f"go to {holder}; {claimant} is served over REST only",
        f"rename one of them, or give each namespace a host with the annotation "
        f'{keys.HOSTS}: "{{namespace}}.example.com"',
        holder,
    )
