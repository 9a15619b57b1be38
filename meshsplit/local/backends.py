"""InferenceServices as KServe runs them: their model servers, ports and status; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meshsplit.kserve.backends import to_member
from meshsplit.kserve.observed import observe
from meshsplit.kserve.runtimes import make_runtimes
from meshsplit.kserve.schema import FRAMEWORKS
from meshsplit.local.models.spec import ModelMeshServing, StandardServing
from meshsplit.model import DeploymentMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsplit.local.models.spec import Serving, ServingKey
    from meshsplit.model import Member, Settings

BackendKey = tuple[str, str, bool]
"""Namespace, InferenceService, and whether ModelMesh runs it."""

REST_PORT = 8080
GRPC_PORT = 8081
"""The container ports at which KServe's runtimes answer without being told (kserve/python)."""


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port of a predictor's container, as the InferenceService declares it."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Backend:
    """One InferenceService, where it answers (`member.rest`, `member.grpc`), and what its Pod has of it."""

    namespace: str
    member: Member
    labels: Mapping[str, str]
    declared: tuple[ContainerPort, ...]
    model_format: str

    @property
    def in_modelmesh(self) -> bool:
        """Whether it shares its namespace's ModelMesh service."""
        return self.member.mode is DeploymentMode.MODEL_MESH

    @property
    def key(self) -> BackendKey:
        """What stays the same however the InferenceService is edited, its deployment mode aside."""
        return self.namespace, self.member.name, self.in_modelmesh

    @property
    def serving_key(self) -> ServingKey:
        """The model server that it is part of."""
        return self.namespace, None if self.in_modelmesh else self.member.name

    @property
    def service(self) -> str:
        """The name of its Service: the first part of the host at which it answers."""
        endpoint = self.member.rest or self.member.grpc
        return endpoint.host.partition(".")[0] if endpoint else self.member.name

    @property
    def selector(self) -> dict[str, str]:
        """What its Service selects."""
        return {"modelmesh-service": self.service} if self.in_modelmesh else {"app": f"isvc.{self.service}"}

    @property
    def container_ports(self) -> tuple[ContainerPort, ...]:
        """What is declared, then what its runtime answers at anyhow."""
        declared = {port.number for port in self.declared}
        usual = (ContainerPort(REST_PORT, "http"), ContainerPort(GRPC_PORT, "grpc"))
        return (*self.declared, *(port for port in usual if port.number not in declared))


@dataclass(frozen=True, slots=True)
class Backends:
    """All InferenceServices that live, by key; `unreadable` are (namespace, name) of those not understood."""

    by_key: Mapping[BackendKey, Backend]
    unreadable: frozenset[tuple[str, str]]


def to_backends(bodies: Iterable[Mapping[str, Any]], settings: Settings) -> Backends:
    """Understand InferenceServices and runtimes; a status, which is written after it, is not looked at."""
    bodies = list(bodies)
    observed = observe(bodies, settings)
    runtimes = make_runtimes(observed.runtimes.values(), observed.malformed)
    raw = {
        (body["metadata"].get("namespace"), body["metadata"]["name"]): body
        for body in bodies
        if body.get("kind") == "InferenceService"
    }
    backends = [
        Backend(
            service.namespace,
            to_member(replace(service, address=None), runtimes.named_by(service)),
            raw[service.namespace, service.name]["metadata"].get("labels") or {},
            _to_declared(raw[service.namespace, service.name]["spec"].get("predictor") or {}),
            service.model_format.name if service.model_format else "",
        )
        for service in observed.live_services()
    ]
    unreadable = {(ref.namespace, ref.name) for ref in observed.malformed if ref.kind == "InferenceService"}
    return Backends({backend.key: backend for backend in backends}, frozenset(unreadable))


def to_servings(backends: Iterable[Backend]) -> tuple[Serving, ...]:
    """The model servers for these backends, by key: one for each ModelMesh namespace, one for any other."""
    meshes: dict[str, list[str]] = {}
    others: list[Serving] = []
    for backend in backends:
        member = backend.member
        if backend.in_modelmesh:
            meshes.setdefault(backend.namespace, []).append(member.served_name)
        else:
            others.append(
                StandardServing(backend.namespace, member.name, member.served_name, backend.model_format)
            )
    shared = [ModelMeshServing(namespace, tuple(sorted(models))) for namespace, models in meshes.items()]
    return tuple(sorted([*shared, *others], key=lambda serving: _sort_key(serving.key)))


def _to_declared(predictor: Mapping[str, Any]) -> tuple[ContainerPort, ...]:
    """The ports of the predictor's model, of a model in the legacy spelling, or of its own container."""
    containers = [part for name, part in predictor.items() if name == "model" or name in FRAMEWORKS]
    for container in (*containers, *(predictor.get("containers") or ())):
        ports = container.get("ports") if isinstance(container, dict) else None
        if ports:
            return tuple(
                ContainerPort(port["containerPort"], port.get("name") or "")
                for port in ports
                if isinstance(port, dict) and isinstance(port.get("containerPort"), int)
            )
    return ()


def _sort_key(key: ServingKey) -> tuple[str, str]:
    namespace, isvc = key
    return namespace, isvc or ""
