"""The objects of a DistributedInferenceService's versions, written by hand, in a running local session."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshsplit.local.cluster import Cluster
from meshsplit.local.session import Session
from meshsplit.model import Settings

NAMESPACE = "kserve-demo"
NAME = "iris"
EXTERNAL = f"{NAME}-{NAMESPACE}.example.com"
INTERNAL = f"{NAME}.{NAMESPACE}.svc.cluster.local"
ISTIO = "networking.istio.io/v1"
KSERVE = "serving.kserve.io/v1beta1"


def version_host(version: int) -> str:
    return f"{NAME}-v{version}.{NAMESPACE}.svc.cluster.local"


def _body(api_version: str, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "spec": spec,
    }


def make_replica(version: int, index: int) -> dict[str, Any]:
    group = f"{NAME}-v{version}"
    model = {"modelFormat": {"name": "sklearn"}, "args": [f"--model_name={NAME}"], "protocolVersion": "v2"}
    return _body(
        KSERVE,
        "InferenceService",
        f"{group}-{index}",
        {"predictor": {"model": model}},
        labels={"disvc": NAME, "disvc.group": group},
        annotations={"serving.kserve.io/deploymentMode": "RawDeployment"},
    )


def make_service(name: str, selector: dict[str, str], port: dict[str, Any] | None = None) -> dict[str, Any]:
    ports = [port or {"name": "http", "port": 80, "targetPort": 8080}]
    return _body("v1", "Service", name, {"selector": selector, "ports": ports})


def make_version_service(version: int, port: dict[str, Any] | None = None) -> dict[str, Any]:
    group = f"{NAME}-v{version}"
    return make_service(group, {"disvc.group": group}, port)


def make_rule(version: int, **hashing: Any) -> dict[str, Any]:
    policy = {"loadBalancer": {"consistentHash": hashing}}
    spec = {"host": version_host(version), "trafficPolicy": policy}
    return _body(ISTIO, "DestinationRule", f"{NAME}-v{version}", spec)


def make_route(version: int) -> dict[str, Any]:
    destination = {"host": version_host(version), "port": {"number": 80}}
    spec = {
        "hosts": [EXTERNAL, INTERNAL],
        "gateways": ["istio-system/ingress", "mesh"],
        "http": [{"route": [{"destination": destination}]}],
    }
    return _body(ISTIO, "VirtualService", NAME, spec)


@dataclass
class Stage:
    """A session without a controller, what it said, and the ways to change its objects."""

    session: Session
    said: list[str] = field(default_factory=list)

    @property
    def cluster(self) -> Cluster:
        return self.session.cluster

    def apply(self, *bodies: dict[str, Any]) -> None:
        for body in bodies:
            self.cluster.apply(body, "test")

    def delete(self, *bodies: dict[str, Any]) -> None:
        for body in bodies:
            resource = self.cluster.resource(body["apiVersion"], body["kind"])
            self.cluster.delete(resource, NAMESPACE, body["metadata"]["name"])

    def is_ready(self, *bodies: dict[str, Any]) -> bool:
        """Whether all these InferenceServices say so."""
        resource = self.cluster.resource(KSERVE, "InferenceService")
        live = {body["metadata"]["name"]: body for body in self.cluster.list([resource.key])}
        return all(_says_ready(live.get(body["metadata"]["name"], {})) for body in bodies)

    def is_served(self, *bodies: dict[str, Any]) -> bool:
        """Whether they are ready, and Envoy has whatever answers: it follows what makes them ready."""
        return self.is_ready(*bodies) and not self.session.is_loading


def _says_ready(body: dict[str, Any]) -> bool:
    conditions: Sequence[dict[str, str]] = body.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A session that runs, with an empty namespace."""
    said: list[str] = []
    session = Session.start(folder, None, 0, Settings(), said.append, lambda _served: None)
    try:
        session.cluster.ensure_namespace(NAMESPACE)
        session.run()
        yield Stage(session, said)
        session.require_running()
    finally:
        session.stop()
