"""Which REST strategy a group gets: the one it asks for where that works, else SingleHop, and it is said."""

from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.model import Group, RestStrategy


def written_strategy(group: Group) -> RestStrategy:
    """Return the strategy whose shape is written.

    Weighted rewrites no name per member, so it needs members that answer to one name: any on the shared host,
    the group's on a host of its own. Loopback has no shape on a host of the group's own.
    """
    asked = group.routing.rest
    if asked is RestStrategy.WEIGHTED and _strangers(group):
        return RestStrategy.SINGLE_HOP
    if asked is RestStrategy.LOOPBACK and group.routing.own_host:
        return RestStrategy.SINGLE_HOP
    return asked


def check_strategy(group: Group) -> tuple[Finding, ...]:
    """Say that a group is written as SingleHop although it asks for another strategy, and why."""
    asked, written = group.routing.rest, written_strategy(group)
    if asked is written:
        return ()
    if asked is RestStrategy.LOOPBACK:
        return (
            Finding(
                "MSP008",
                f"group {group.key.name} has its own host, where Loopback has no shape: SingleHop is used",
                _object_of(group),
                ("spec", "routing", "rest"),
                fix="set routing.rest to SingleHop, or put the group on the shared host",
            ),
        )
    strangers = _strangers(group)
    return (
        Finding(
            "MSP215",
            f"group {group.key.name} asks for plain weights, which rewrite no path per member, and "
            f"{', '.join(strangers)} do not serve the name {group.key.name}: SingleHop is used",
            _object_of(group),
            ("spec", "routing", "rest"),
            fix=f"set routing.rest to SingleHop, or let all members serve the name {group.key.name}",
            details=tuple(f"{name} serves {served}" for name, served in strangers.items()),
        ),
    )


def _strangers(group: Group) -> dict[str, str]:
    """Served names by member, in order of name, of the members that plain weights would lead to a 404."""
    served = {member.name: member.served_name for member in group.members if member.rest is not None}
    names = set(served.values())
    known = names if len(names) == 1 and not group.routing.own_host else {group.key.name}
    return {name: served[name] for name in sorted(served) if served[name] not in known}


def _object_of(group: Group) -> ObjectRef:
    if group.source is not None:
        return group.source
    return ObjectRef("InferenceService", group.key.namespace, min(member.name for member in group.members))
