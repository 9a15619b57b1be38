"""Where a group or a model is exposed: hosts, gateways and the shape of its routes, or why not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshsplit.api.names import expand_host, is_host
from meshsplit.diagnostics import FieldPath, Finding, ObjectRef
from meshsplit.kserve import keys
from meshsplit.kserve.namespaces import MeshNamespace
from meshsplit.kserve.objects import InferenceService, RoutingRequest
from meshsplit.model import DeploymentMode, Endpoint, GroupKey, RestStrategy, Routing, RoutingMode, Settings

_OWN_HOST = "{group}-{namespace}."
"""KServe's default domain template with the group in the InferenceService's place; the domain follows."""


Site = tuple[ObjectRef, FieldPath]
"""An object and the field in it that a finding is about."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Everything besides a ModelSplit that decides where names are exposed; namespaces are by name."""

    namespaces: Mapping[str, MeshNamespace]
    settings: Settings

    def make_group_routing(
        self, key: GroupKey, members: Sequence[InferenceService], request: RoutingRequest
    ) -> Routing:
        """The routing of a group; its hosts and gateways are empty where nothing names them."""
        own_host = bool(request.hosts) or any(m.mode is not DeploymentMode.MODEL_MESH for m in members)
        delegated = request.mode is RoutingMode.DELEGATE
        return Routing(
            hosts=() if delegated else self._group_hosts(key, request, own_host),
            gateways=() if delegated else request.gateways or self._gateways(key.namespace),
            rest=request.rest or self.settings.rest,
            loop=request.loop or self._loop(key.namespace),
            own_host=own_host,
            mode=request.mode,
            protocols=request.protocols,
            timeout=request.timeout,
            retries=request.retries,
        )

    def make_model_routing(self, namespace: str, name: str, rest: RestStrategy | None) -> Routing | None:
        """The routing of one ModelMesh model; None when its namespace exposes nothing or no host fits it."""
        mesh = self.namespaces.get(namespace)
        if mesh is None or not mesh.mesh_on or mesh.gateway is None:
            return None
        hosts = self._shared_hosts(namespace, name)
        return Routing(hosts, (mesh.gateway,), rest or self.settings.rest, mesh.loop)

    def find_withdrawal(
        self, key: GroupKey, routing: Routing, request: RoutingRequest, site: Site
    ) -> Finding | None:
        """Why a group has no place to be exposed at; `site` is the field that makes the group."""
        if routing.mode is RoutingMode.DELEGATE or request.gateways:
            return None
        mesh = self.namespaces.get(key.namespace)
        if mesh is None:
            return _unknown_namespace(key, site)
        if not mesh.mesh_on:
            return _mesh_off(key, mesh)
        return None if mesh.gateway else make_no_gateway(mesh)

    def find_problem(self, namespace: str, has_gateways: bool) -> Finding | None:
        """What is unreadable of a namespace whose mesh is on, or whose hosts go with other gateways."""
        mesh = self.namespaces.get(namespace)
        return mesh.problem if mesh is not None and (mesh.mesh_on or has_gateways) else None

    def _group_hosts(self, key: GroupKey, request: RoutingRequest, own_host: bool) -> tuple[str, ...]:
        if not own_host:
            return self._shared_hosts(key.namespace, key.name)
        return _expand(request.hosts or (_OWN_HOST + self.settings.domain,), key.namespace, key.name)

    def _shared_hosts(self, namespace: str, name: str) -> tuple[str, ...]:
        mesh = self.namespaces.get(namespace)
        templates = mesh.hosts if mesh is not None and mesh.hosts else self.settings.hosts
        return _expand(templates, namespace, name)

    def _gateways(self, namespace: str) -> tuple[str, ...]:
        mesh = self.namespaces.get(namespace)
        return (mesh.gateway,) if mesh is not None and mesh.gateway else ()

    def _loop(self, namespace: str) -> Endpoint:
        mesh = self.namespaces.get(namespace)
        return mesh.loop if mesh is not None else self.settings.loop


def find_impossible_host(routing: Routing) -> str | None:
    """The first host that no VirtualService may name, because a name made it too long."""
    return next((host for host in routing.hosts if not is_host(host)), None)


def make_no_gateway(mesh: MeshNamespace) -> Finding:
    """The one finding about a namespace whose mesh is on and that names no gateway."""
    return Finding(
        "MSP306",
        f"namespace {mesh.ref.name} has the mesh switched on and names no gateway, so nothing is exposed",
        mesh.ref,
        ("metadata", "annotations"),
        fix=f"kubectl annotate namespace {mesh.ref.name} {keys.PUBLIC_GATEWAY}=NAMESPACE/GATEWAY",
    )


def _expand(templates: Sequence[str], namespace: str, group: str) -> tuple[str, ...]:
    return tuple(sorted({expand_host(template, namespace, group) for template in templates}))


def _unknown_namespace(key: GroupKey, site: Site) -> Finding:
    return Finding(
        "MSP305",
        f"group {key.name} is not exposed: the Namespace object {key.namespace} is not in the input, "
        "so its mesh switch and gateway are unknown",
        *site,
        fix=f"add the Namespace {key.namespace} to the input, "
        "or name hosts and gateways in a ModelSplit of the group",
    )


def _mesh_off(key: GroupKey, mesh: MeshNamespace) -> Finding:
    verb = "label" if "labels" in mesh.switch_path else "annotate"
    found = "not set" if mesh.switch_value is None else f'"{mesh.switch_value}"'
    return Finding(
        "MSP305",
        f"group {key.name} is not exposed: {keys.MESH_SWITCH} of namespace {mesh.ref.name} is {found}, "
        'want "true"',
        mesh.ref,
        mesh.switch_path,
        fix=f"kubectl {verb} namespace {mesh.ref.name} {keys.MESH_SWITCH}=true --overwrite",
    )
