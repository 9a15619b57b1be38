"""What happens beside the split: requests that go to one member by header, copies that go to another."""

from collections.abc import Iterator, Sequence

from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.model import (
    DeploymentMode,
    Diversion,
    Endpoint,
    Group,
    Member,
    Outcome,
    Route,
    RouteMatch,
    Shadow,
)

ASIDE = "aside"
"""After the name of a route for requests that are diverted."""


def divert(routes: Sequence[Route], diversion: Diversion) -> list[Route]:
    """The routes to one member, for the requests that are to go there; they come before the group's own.

    A match that already asks something of the same header has no room for a second condition on it, and is
    left out: Istio takes one a header.
    """
    diverted = []
    for route in routes:
        matches = tuple(_join(route.matches or (RouteMatch(),), diversion))
        if matches:
            name = f"{route.name}.{ASIDE}" if route.name else ASIDE
            diverted.append(route._replace(matches=matches, name=name))
    return diverted


def copy_to(routes: Sequence[Route], group: Group, shadow: Shadow) -> list[Route]:
    """The routes with a copy of some of their requests to the shadow member, whose answers Envoy drops."""
    member = _find_member(group, shadow)
    if member is None or why_no_copy(group, shadow) is not None:
        return list(routes)
    copied = [(route, _same_kind(route, member)) for route in routes]
    return [
        route if to is None else route._replace(mirror=to, mirror_percent=shadow.percent)
        for route, to in copied
    ]


def why_no_copy(group: Group, shadow: Shadow) -> str | None:
    """Why Istio cannot send the shadow member copies; None when it can.

    A copy is what the route sends on, its path rewritten for the member that answers. It is of use only to a
    member that serves the same name at a Service of its own, under any Host.
    """
    member = _find_member(group, shadow)
    if member is None:
        return f"{shadow.member} is no member"
    if member.mode is DeploymentMode.MODEL_MESH:
        return f"{member.name} shares ModelMesh's Service, where the path of a copy names the other model"
    if any(endpoint and endpoint.authority for endpoint in (member.rest, member.grpc)):
        return f"{member.name} is found by its Host header, which a copy does not carry"
    others = sorted({each.served_name for each in group.members} - {member.served_name})
    if others:
        return f"{member.name} serves {member.served_name}, and a copy asks for {others[0]}"
    return None


def check_shadow(outcome: Outcome) -> Iterator[Finding]:
    """Say that copies are asked for which cannot be sent (MSP216)."""
    if outcome.shadow is None or outcome.split is None:
        return
    why = why_no_copy(outcome.group, outcome.shadow)
    if why is not None:
        key = outcome.group.key
        yield Finding(
            "MSP216",
            f"no requests of group {key.name} are copied to {outcome.shadow.member}: {why}",
            outcome.group.source or ObjectRef("ModelSplit", key.namespace, key.name),
            ("spec", "strategy", "canary", "mirror"),
            fix="remove mirror, or let all members serve one name on Services of their own",
        )


def _join(matches: Sequence[RouteMatch], diversion: Diversion) -> Iterator[RouteMatch]:
    for match in matches:
        taken = {name for name, _ in match.headers}
        for headers in diversion.headers:
            if not taken & {name for name, _ in headers}:
                yield match._replace(headers=(*match.headers, *headers))


def _find_member(group: Group, shadow: Shadow) -> Member | None:
    return next((member for member in group.members if member.name == shadow.member), None)


def _same_kind(route: Route, member: Member) -> Endpoint | None:
    """Where the member takes what the route carries: the port that the route's destinations have."""
    ports = {destination.endpoint.port for destination in route.destinations}
    for endpoint in (member.rest, member.grpc):
        if endpoint is not None and ports == {endpoint.port}:
            return endpoint
    return None
