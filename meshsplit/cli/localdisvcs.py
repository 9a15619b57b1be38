"""The DistributedInferenceServices of the local cluster: whether they serve, and how to call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.api.status import READY, STALLED
from meshsplit.disvc.decode import to_live_disvc
from meshsplit.disvc.names import external_host, service_host
from meshsplit.disvc.objects import INGRESS, VIRTUAL_SERVICE, Disvc
from meshsplit.translate import identity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsplit.api.status import ConditionStatus
    from meshsplit.local.session import Session


def find_disvcs(session: Session) -> list[Disvc]:
    """Those that can be read, by namespace and name."""
    from meshsplit.local.cluster import DISVCS  # needs packages that other verbs do without

    found = (to_live_disvc(body) for body in session.cluster.list([DISVCS]))
    return sorted((each for each in found if isinstance(each, Disvc)), key=lambda each: each.identity.ref)


def are_settled(session: Session) -> bool:
    """Whether each one serves what it asks for, or says that somebody has to do something first."""
    served = {identity_of(body) for body in session.served}
    return all(_is_settled(disvc, served) for disvc in find_disvcs(session))


def _is_settled(disvc: Disvc, served: set[tuple[str, str, str]]) -> bool:
    status = disvc.status
    if status.observed_generation != disvc.generation:
        return False
    if _is_true(status.condition(STALLED)):
        return True
    # Envoy has an Ingress under another name: whether it serves that one already is not seen here.
    routed = (VIRTUAL_SERVICE, disvc.namespace, disvc.name) in served or disvc.spec.exposure == INGRESS
    return _is_true(status.condition(READY)) and routed


def _is_true(condition: ConditionStatus | None) -> bool:
    return condition is not None and condition.status == "True"


@dataclass(frozen=True, slots=True)
class Call:
    """A request to one of them: where to, and the Host that says so."""

    url: str
    host: str

    def to_curl(self, body: str) -> str:
        """The same as a line to type."""
        return f"curl -H \"Host: {self.host}\" {self.url} -d '{body}'"


def find_calls(disvc: Disvc, session: Session, domain: str) -> Iterator[Call]:
    """How a client outside the cluster reaches it, then one inside."""
    path = f"/v2/models/{disvc.name}/infer"
    outside = external_host(disvc.name, disvc.namespace, disvc.spec.domain or domain)
    yield Call(session.url + path, outside)
    yield Call(session.mesh_url + path, service_host(disvc.name, disvc.namespace))
