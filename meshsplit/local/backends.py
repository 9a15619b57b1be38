"""InferenceServices as KServe runs them: their model servers, ports and status; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meshsplit.kserve.backends import to_member
from meshsplit.kserve.observed import observe
from meshsplit.kserve.runtimes import make_runtimes
from meshsplit.local.models.spec import ModelMeshServing, StandardServing
from meshsplit.model import DeploymentMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsplit.local.models.spec import Ports, Serving, ServingKey
    from meshsplit.model import Endpoint, Member, Settings

BackendKey = tuple[str, str, bool]
"""Namespace, InferenceService, and whether ModelMesh runs it."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One InferenceService and where it answers: `member.rest` and `member.grpc`."""

    namespace: str
    member: Member

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


@dataclass(frozen=True, slots=True)
class Backends:
    """All InferenceServices that live, by key; `unreadable` are (namespace, name) of those not understood."""

    by_key: Mapping[BackendKey, Backend]
    unreadable: frozenset[tuple[str, str]]


def to_backends(bodies: Iterable[Mapping[str, Any]], settings: Settings) -> Backends:
    """Understand InferenceServices and runtimes; a status, which is written after it, is not looked at."""
    observed = observe(bodies, settings)
    runtimes = make_runtimes(observed.runtimes.values(), observed.malformed)
    backends = [
        Backend(service.namespace, to_member(replace(service, address=None), runtimes.named_by(service)))
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
            grpc = member.rest is None
            others.append(StandardServing(backend.namespace, member.name, member.served_name, grpc))
    shared = [ModelMeshServing(namespace, tuple(sorted(models))) for namespace, models in meshes.items()]
    return tuple(sorted([*shared, *others], key=lambda serving: _sort_key(serving.key)))


def to_ports(
    backends: Iterable[Backend], ports: Mapping[ServingKey, Ports]
) -> dict[tuple[str, int], tuple[bool, int]]:
    """What stands behind each (host, port) of the backends: whether it is gRPC, and the local port."""
    found: dict[tuple[str, int], tuple[bool, int]] = {}

    def add(endpoint: Endpoint | None, port: int | None, http2: bool) -> None:
        if endpoint is not None and port is not None:
            found.setdefault((endpoint.host, endpoint.port), (http2, port))

    for backend in backends:
        own = ports[backend.serving_key]
        add(backend.member.rest, own.rest, http2=False)
        add(backend.member.grpc, own.grpc, http2=True)
    return found


def make_status(backend: Backend, ready: bool, live: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The status that KServe or ModelMesh gives an InferenceService whose model is loaded, or failed to.

    `live` is the status that it has: a condition that stays keeps its time, one that changes gets `now`.
    """
    state = "Loaded" if ready else "FailedToLoad"
    conditions = ("PredictorReady", "Ready")
    return {
        **(_announced(backend) if ready else {}),
        "conditions": [_make_condition(name, ready, live, now) for name in conditions],
        "modelStatus": {
            "copies": {"failedCopies": int(not ready), "totalCopies": int(ready)},
            "states": {"activeModelState": state, "targetModelState": state},
            "transitionStatus": "UpToDate" if ready else "BlockedByFailedLoad",
        },
    }


def _announced(backend: Backend) -> dict[str, Any]:
    """Where the model answers: ModelMesh names the gRPC port of its Service, KServe the one of its own."""
    member = backend.member
    if backend.in_modelmesh and member.grpc is not None:
        url = f"grpc://{member.grpc.host}:{member.grpc.port}"
        return {"url": url, "components": {"predictor": {"url": url}}}
    hosts = [endpoint.host for endpoint in (member.rest, member.grpc) if endpoint is not None]
    url = f"http://{hosts[0]}"
    return {"url": url, "address": {"url": url}, "components": {"predictor": {"url": url}}}


def _make_condition(name: str, ready: bool, live: Mapping[str, Any], now: str) -> dict[str, str]:
    status = "True" if ready else "False"
    before: Mapping[str, Any] = next(
        (each for each in live.get("conditions", ()) if each.get("type") == name), {}
    )
    since = before.get("lastTransitionTime", now) if before.get("status") == status else now
    reason = {} if ready else {"reason": "ModelLoadFailed", "message": "it was told not to load"}
    return {"type": name, "status": status, "lastTransitionTime": since, **reason}


def _sort_key(key: ServingKey) -> tuple[str, str]:
    namespace, isvc = key
    return namespace, isvc or ""
