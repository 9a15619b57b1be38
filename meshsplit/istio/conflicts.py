"""What stands in the way of generated objects: other people's VirtualServices, gateways, and git."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshsplit.diagnostics import Finding
from meshsplit.istio import names
from meshsplit.istio.bindings import find_unserved_hosts
from meshsplit.istio.delegation import find_dropped_routes
from meshsplit.istio.gitops import find_hand_set_weights, find_tracked
from meshsplit.istio.observed import Body, Key, is_ours, key_of, observe, ref_of
from meshsplit.istio.shadows import find_shadows


@dataclass(frozen=True, slots=True)
class Conflicts:
    """`refused` are the (namespace, name) that may not be written; findings are in order of code."""

    refused: frozenset[tuple[str, str]]
    findings: tuple[Finding, ...]


def find_conflicts(generated: Sequence[dict[str, Any]], bodies: Iterable[Mapping[str, Any]]) -> Conflicts:
    """Compare generated VirtualServices with the Istio objects of the input.

    Codes: MSP301 (name taken; refused), MSP302 (an older object takes requests), MSP303 (gateway), MSP304
    (delegate outside its root), MSP601 and MSP602 (git). Objects whose fields have wrong types are not
    compared, and what the input does not hold is taken to be right.
    """
    observed = observe(bodies)
    if not observed.virtual_services and not observed.gateways:
        return Conflicts(frozenset(), ())
    taken = {
        key_of(made): observed.virtual_services[key_of(made)]
        for made in sorted(generated, key=key_of)
        if _is_taken(observed.virtual_services, key_of(made))
    }
    written = [made for made in sorted(generated, key=key_of) if key_of(made) not in taken]
    findings = [
        *(_name_is_taken(body) for body in taken.values()),
        *find_shadows(written, observed),
        *find_unserved_hosts(written, observed),
        *find_dropped_routes(written, observed),
        *find_tracked(observed),
        *find_hand_set_weights(written, observed),
    ]
    return Conflicts(frozenset(taken), tuple(findings))


def _is_taken(virtual_services: Mapping[Key, Body], key: Key) -> bool:
    return key in virtual_services and not is_ours(virtual_services[key])


def _name_is_taken(body: Body) -> Finding:
    ref = ref_of(body)
    return Finding(
        "MSP301",
        f"{ref} exists and was not created by meshsplit; it stays as it is, and nothing is written over it",
        ref,
        ("metadata", "name"),
        fix=f'rename the group or the object, or hand the object over: annotate it {names.ADOPT}: "true"',
    )
