"""Whether the gateways that generated objects are bound to exist and serve their hosts."""

from collections.abc import Iterator, Mapping, Sequence

from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.istio.observed import Body, Key, Observed, gateways_of, key_of, ref_of, spec_of
from meshsplit.istio.rules.dns import hosts_overlap

NAMED = 3
"""How many objects a finding names before it only counts them."""


def find_unserved_hosts(generated: Sequence[Body], observed: Observed) -> Iterator[Finding]:
    """MSP303, one a gateway, host and namespace; without any Gateway in the input nothing can be said."""
    if not observed.gateways:
        return
    for gateway, bodies in _by_gateway(generated).items():
        if gateway not in observed.gateways:
            yield _not_found(gateway, bodies)
            continue
        for (namespace, host), bound in _by_host(bodies).items():
            if not _serves(observed.gateways[gateway], namespace, host):
                yield _not_served(observed.gateways[gateway], namespace, host, bound)


def _by_gateway(generated: Sequence[Body]) -> Mapping[Key, list[Body]]:
    bound: dict[Key, list[Body]] = {}
    for made in generated:
        for gateway in gateways_of(made):
            bound.setdefault(gateway, []).append(made)
    return dict(sorted(bound.items()))


def _by_host(bodies: Sequence[Body]) -> Mapping[Key, list[Body]]:
    bound: dict[Key, list[Body]] = {}
    for body in bodies:
        for host in spec_of(body).get("hosts") or []:
            bound.setdefault((key_of(body)[0], host), []).append(body)
    return dict(sorted(bound.items()))


def _serves(gateway: Body, namespace: str, host: str) -> bool:
    """A server's host is `host` or `namespace/host`, where `*` is any namespace and `.` the gateway's own."""
    for server in spec_of(gateway).get("servers") or []:
        for listed in server.get("hosts") or []:
            of, slash, served = listed.rpartition("/")
            allowed = not slash or of in ("*", namespace) or (of == "." and namespace == key_of(gateway)[0])
            if allowed and hosts_overlap(served, host):
                return True
    return False


def _not_found(gateway: Key, bound: Sequence[Body]) -> Finding:
    namespace, name = gateway
    return Finding(
        "MSP303",
        f"gateway {namespace}/{name} is not among the Gateways of the input, and {_list(bound)} bound to it: "
        "their routes are never used",
        ref_of(bound[0]),
        ("spec", "gateways"),
        fix=f"correct the gateway's name, or add the Gateway {name} of namespace {namespace}",
    )


def _not_served(gateway: Body, namespace: str, host: str, bound: Sequence[Body]) -> Finding:
    ref: ObjectRef = ref_of(gateway)
    return Finding(
        "MSP303",
        f"{ref} does not serve host {host} for namespace {namespace}, and {_list(bound)} bound to it: "
        "their routes are never used",
        ref,
        ("spec", "servers"),
        fix=f"add {namespace}/{host} to the hosts of a server, or change the hosts of the groups",
    )


def _list(bodies: Sequence[Body]) -> str:
    listed = ", ".join(str(ref_of(body)) for body in bodies[:NAMED])
    more = f" and {len(bodies) - NAMED} more" if len(bodies) > NAMED else ""
    return f"{listed}{more} {'is' if len(bodies) == 1 else 'are'}"
