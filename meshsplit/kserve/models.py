"""ModelMesh models that are reachable under their own names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshsplit.api.problems import describe
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.kserve.backends import to_modelmesh_endpoints
from meshsplit.kserve.exposure import Exposure, find_impossible_host, make_no_gateway
from meshsplit.kserve.objects import InferenceService
from meshsplit.kserve.runtimes import Runtimes, Unroutable
from meshsplit.model import DeploymentMode, Group, Model, RestStrategy


@dataclass(frozen=True, slots=True)
class ModelMaker:
    """What models are made with; `strategies` holds the REST strategy of those that are in a group.

    `malformed` are the objects that could not be read.
    """

    exposure: Exposure
    runtimes: Runtimes
    strategies: Mapping[ObjectRef, RestStrategy]
    malformed: Mapping[ObjectRef, Finding]

    def is_unreadable(self, service: InferenceService) -> bool:
        """Whether an object that decides if and where the model is exposed could not be read."""
        if service.mode is not DeploymentMode.MODEL_MESH:
            return False
        if ObjectRef("Namespace", "", service.namespace) in self.malformed:
            return True
        if self.exposure.find_problem(service.namespace, has_gateways=False) is not None:
            return True
        unroutable = self._unroutable(service) if self.runtimes.malformed else None
        return unroutable is not None and unroutable.malformed is not None

    def make_model(self, service: InferenceService) -> tuple[Model | None, tuple[Finding, ...]]:
        """The model of an InferenceService, or why it is not exposed; silent where no mesh is on."""
        mesh = self.exposure.namespaces.get(service.namespace)
        if service.mode is not DeploymentMode.MODEL_MESH or mesh is None or not mesh.mesh_on:
            return None, ()
        rest = self.strategies.get(service.ref)
        routing = self.exposure.make_model_routing(service.namespace, service.name, rest)
        if routing is None:
            return None, () if mesh.problem is not None else (make_no_gateway(mesh),)
        unroutable = self._unroutable(service)
        if unroutable is not None:
            told = unroutable.malformed is not None or service.ref in self.strategies
            return None, () if told else (_hidden(service, unroutable),)
        host = find_impossible_host(routing)
        if host is not None:
            reason = f"its host {describe(host)} is no DNS name of legal length"
            too_long = Unroutable("MSP210", reason, ("metadata", "name"), "use a shorter name")
            return None, (_hidden(service, too_long),)
        rest_endpoint, grpc_endpoint = to_modelmesh_endpoints(service.namespace)
        owner = service.identity.owner
        return Model(service.namespace, service.name, rest_endpoint, grpc_endpoint, routing, owner), ()

    def _unroutable(self, service: InferenceService) -> Unroutable | None:
        if not self.exposure.settings.require_enable_route:
            return None
        return self.runtimes.find_unroutable(service)


def find_strategies(groups: Iterable[Group]) -> dict[ObjectRef, RestStrategy]:
    """The REST strategy of every member's group; the first group by key, should there be two."""
    strategies: dict[ObjectRef, RestStrategy] = {}
    for group in sorted(groups, key=lambda group: group.key):
        for member in group.members:
            ref = ObjectRef("InferenceService", group.key.namespace, member.name)
            strategies.setdefault(ref, group.routing.rest)
    return strategies


def _hidden(service: InferenceService, why: Unroutable) -> Finding:
    return Finding(
        "MSP210",
        f"model {service.name} is not exposed at the gateway: {why.reason}",
        service.ref,
        why.path,
        fix=why.fix,
        related=why.related,
    )
