"""Of DistributedInferenceServices that would share a host at the gateway the oldest has it.

`<name>-<namespace>` is no unique name: `a-b` in `c` and `a` in `b-c` make the same one. Istio merges what two
VirtualServices say of a host, and the older's routes then answer for both.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from meshsplit.diagnostics import Finding
from meshsplit.disvc import names
from meshsplit.kserve.drafts import age_of
from meshsplit.kserve.objects import Identity


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants which host."""

    identity: Identity
    host: str


def make_claim(identity: Identity, domain: str) -> Claim:
    """The claim of one in this domain."""
    return Claim(identity, names.external_host(identity.ref.name, identity.ref.namespace, domain))


def find_taken_host(own: Claim, claims: Iterable[Claim]) -> Finding | None:
    """MSP805 where the host is an older one's; its own claim may be among `claims`."""
    older = [
        each for each in claims if each.host == own.host and age_of(each.identity) < age_of(own.identity)
    ]
    if not older:
        return None
    holder = min((each.identity for each in older), key=age_of).ref
    return Finding(
        "MSP805",
        f"the host {own.host} is already that of {holder.namespace}/{holder.name}",
        own.identity.ref,
        ("metadata", "name"),
        fix="choose another name, or another domain in spec.domain",
    )
