"""The embedded cluster's Istio objects and Services, served by a real Envoy as istiod would tell it to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.istio.rules import check_object
from meshsplit.kserve.source import to_world
from meshsplit.local.cluster import (
    BACKING,
    ENDPOINT_SLICES,
    INGRESSES,
    OBSERVED,
    PODS,
    ROUTES,
    SERVICES,
)
from meshsplit.local.endpoints import read_services
from meshsplit.local.gateway import GatewayRejected
from meshsplit.local.mesh import (
    Endpoint,
    Service,
    ServicePort,
    UnsupportedField,
    read_objects,
    to_gateway,
    to_sidecar,
)
from meshsplit.local.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from meshsplit.local.cluster import Body, Cluster
    from meshsplit.local.gateway import Gateway
    from meshsplit.local.mesh.translate import MeshObjects
    from meshsplit.model import Settings

Identity = tuple[str, str, str]
"""Kind, namespace and name."""

_LOOPBACK = "127.0.0.1"


class MeshFollower:
    """Keeps a gateway at what the cluster says.

    An object that cannot be served is left as it served before, as one that Istio's webhook refuses would be;
    `say` gets one line about it. `changed` is called after every change of what serves.
    """

    def __init__(
        self,
        cluster: Cluster,
        gateway: Gateway,
        settings: Settings,
        say: Callable[[str], None],
        changed: Callable[[Sequence[Body]], None],
    ) -> None:
        self._cluster = cluster
        self._gateway = gateway
        self._settings = settings
        self._say = say
        self._changed = changed
        self._good: dict[Identity, Body] = {}
        self._said: frozenset[str] = frozenset()
        self._backed: tuple[Service, ...] = ()
        self.served: tuple[Body, ...] = ()
        """The VirtualServices that Envoy serves now, by namespace and name."""
        self.worker = Worker("mesh", cluster.subscribe((*OBSERVED, INGRESSES, *BACKING)), self.follow)

    @property
    def has_all_endpoints(self) -> bool:
        """Whether Envoy has what is behind every Service of the cluster now."""
        found = self._cluster.snapshot(BACKING)
        return read_services(*(found[kind] for kind in BACKING)) == self._backed

    def follow(self) -> None:
        """Serve what the cluster says now; GatewayError when Envoy has ended."""
        found = self._cluster.snapshot((*OBSERVED, INGRESSES, *BACKING))
        backed = read_services(found[SERVICES], found[ENDPOINT_SLICES], found[PODS])
        services = (*backed, *self._loops(found, backed))
        objects, problems = self._legal([body for kind in (*ROUTES, INGRESSES) for body in found[kind]])
        try:
            read, objects, unknown = self._read(objects)
            gateway = to_gateway(read, services, self._gateway.port)
            self._gateway.apply(gateway, to_sidecar(read, services))
        except (GatewayRejected, UnsupportedField) as error:
            self._tell([*problems, f"{error}; what served before keeps serving"])
            return
        self._tell([*problems, *unknown])
        self._backed = backed
        self._good = {_identity(body): body for body in objects}
        before, self.served = self.served, tuple(b for b in objects if b["kind"] == "VirtualService")
        if before != self.served:
            self._changed(self.served)

    def _loops(self, found: Mapping[Any, Iterable[Body]], backed: Iterable[Service]) -> list[Service]:
        """The gateway behind the first hop of every group that is routed with Loopback."""
        bodies = [body for kind in OBSERVED for body in found[kind]]
        loops = {group.routing.loop for group in to_world(bodies, self._settings).groups}
        behind = (Endpoint(_LOOPBACK, self._gateway.port, {}),)
        taken = {service.host for service in backed}
        return [
            Service(loop.host, (ServicePort(loop.port, False, behind),))
            for loop in sorted(loops)
            if loop.host not in taken
        ]

    def _legal(self, objects: Iterable[Body]) -> tuple[list[Body], list[str]]:
        """What Istio's webhook lets pass, and in the place of the rest what served before."""
        violations = {_identity(body): check_object(body) for body in objects}
        return self._replace(
            objects,
            {
                identity: f"Istio would refuse {_title(identity)}: {found[0].message}"
                for identity, found in violations.items()
                if found
            },
        )

    def _read(self, objects: list[Body]) -> tuple[MeshObjects, list[Body], list[str]]:
        """What the mesh is to follow, the objects it comes from, and why some are left as they served before.

        UnsupportedField when it takes several objects to make what the local mesh does not know.
        """
        try:
            return read_objects(objects), objects, []
        except UnsupportedField:
            kept, said = self._replace(objects, _find_unknown(objects))
        return read_objects(kept), kept, said

    def _replace(
        self, objects: Iterable[Body], problems: Mapping[Identity, str]
    ) -> tuple[list[Body], list[str]]:
        """The objects without a problem, in the place of the others what served before; what is said."""
        kept = []
        said = []
        for body in objects:
            identity = _identity(body)
            before = self._good.get(identity) if identity in problems else body
            if before is not None:
                kept.append(before)
            if identity in problems:
                what = "it is not served" if before is None else "what served before keeps serving"
                said.append(f"{problems[identity]}; {what}")
        return kept, said

    def _tell(self, problems: Iterable[str]) -> None:
        """Say every problem when it comes up."""
        now = frozenset(problems)
        for problem in sorted(now - self._said):
            self._say(f"warning: {problem}")
        self._said = now


def _find_unknown(objects: list[Body]) -> dict[Identity, str]:
    unknown = {}
    for body in objects:
        try:
            read_objects([body])
        except UnsupportedField as error:
            unknown[_identity(body)] = f"the local mesh cannot serve {error}"
    return unknown


def _identity(body: Body) -> Identity:
    return body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]


def _title(identity: Identity) -> str:
    kind, namespace, name = identity
    return f"{kind} {namespace}/{name}"
