"""Real model servers behind a real Envoy, with requests that the test counts itself."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc

from meshsplit.local.gateway import Gateway
from meshsplit.local.mesh import Endpoint as Address
from meshsplit.local.mesh import Service, ServicePort, to_mesh
from meshsplit.local.models.process import ModelServer
from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from meshsplit.local.models.spec import ModelMeshServing, Ports, Serving, ServingKey, StandardServing
from meshsplit.model import DeploymentMode, Endpoint, Member
from support.load import ask

NAMESPACE = "models"
OLD, NEW = "mnist-v1", "mnist-v2"
MESH_HOST = f"modelmesh-serving.{NAMESPACE}.svc.cluster.local"
LOOP_HOST = "istio-ingressgateway.istio-system.svc.cluster.local"
INFER = "/inference.GRPCInferenceService/ModelInfer"

STANDARD: tuple[Serving, ...] = (
    StandardServing(NAMESPACE, OLD, OLD),
    StandardServing(NAMESPACE, NEW, NEW),
    StandardServing(NAMESPACE, f"{OLD}-rpc", OLD),
    StandardServing(NAMESPACE, f"{NEW}-rpc", NEW),
)


def host_of(name: str) -> str:
    return f"{name}-predictor.{NAMESPACE}.svc.cluster.local"


def standard(name: str) -> Member:
    """A member that answers REST on a port of its own."""
    end = Endpoint(host_of(name), 80)
    return Member(name, DeploymentMode.STANDARD, name, end, end)


def rpc(name: str) -> Member:
    """A member that answers gRPC only."""
    return Member(name, DeploymentMode.STANDARD, name, None, Endpoint(host_of(f"{name}-rpc"), 80))


def modelmesh(name: str) -> Member:
    return Member(name, DeploymentMode.MODEL_MESH, name, Endpoint(MESH_HOST, 8008), Endpoint(MESH_HOST, 8033))


@dataclass
class Stage:
    """A gateway, its model server, and what was sent: (member, gRPC or HTTP status) -> requests."""

    gateway: Gateway
    server: ModelServer
    folder: Path
    ports: Mapping[ServingKey, Ports]
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def admin(self) -> str:
        return urlsplit(self.gateway.admin_url).netloc

    @property
    def metrics(self) -> str:
        return f"127.0.0.1:{self.ports[NAMESPACE, None].metrics}"

    def rest(self, member: str, count: int, path: str = "/direct") -> None:
        """Requests to one member's own Service, through the gateway."""
        for _ in range(count):
            status, _ = ask(self.gateway.url, f"{path}/{member}/infer")
            self.sent[member, str(status)] += 1

    def call(self, member: str, count: int, model: str | None = None) -> None:
        """The same by gRPC."""
        with grpc.insecure_channel(f"127.0.0.1:{self.gateway.port}") as channel:
            infer = channel.unary_unary(
                INFER,
                request_serializer=protocol.ModelInferRequest.SerializeToString,
                response_deserializer=protocol.ModelInferResponse.FromString,
            )
            for _ in range(count):
                try:
                    request = protocol.ModelInferRequest(model_name=model or member)
                    infer(request, metadata=(("x-member", member),), timeout=20)
                    status = grpc.StatusCode.OK
                except grpc.RpcError as error:
                    status = error.code()
                self.sent[member, status.name] += 1

    def total(self, member: str) -> int:
        return sum(count for (name, _), count in self.sent.items() if name == member)

    def failed(self, member: str) -> int:
        bad = {"500", "503", "INTERNAL", "UNAVAILABLE"}
        return sum(count for (name, status), count in self.sent.items() if name == member and status in bad)

    def restart_models(self) -> None:
        """A new model server, whose counters begin at 0, on other ports."""
        self.server.stop()
        self.server = ModelServer.start(self.folder / "models.log")
        self.serve()

    def serve(self) -> None:
        servings = [*STANDARD, ModelMeshServing(NAMESPACE, (NEW, OLD))]
        self.ports = self.server.serve(servings)
        self.gateway.apply(to_mesh([_make_routes()], _to_services(self.ports, self.gateway.port), 80))


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    folder.mkdir(parents=True, exist_ok=True)
    with Gateway.start(folder / "gateway", 0) as gateway:
        server = ModelServer.start(folder / "models.log")
        running = Stage(gateway, server, folder, {})
        try:
            running.serve()
            yield running
        finally:
            running.server.stop()


def _to_services(ports: Mapping[ServingKey, Ports], gateway_port: int) -> list[Service]:
    def port(number: int, local: int | None, http2: bool) -> ServicePort:
        assert local is not None
        return ServicePort(number, http2, (Address("127.0.0.1", local, {}),))

    mesh = ports[NAMESPACE, None]
    services = [Service(MESH_HOST, (port(8008, mesh.rest, False), port(8033, mesh.grpc, True)))]
    for name in (OLD, NEW):
        services.append(Service(host_of(name), (port(80, ports[NAMESPACE, name].rest, False),)))
        rpc_port = ports[NAMESPACE, f"{name}-rpc"].grpc
        services.append(Service(host_of(f"{name}-rpc"), (port(80, rpc_port, True),)))
    services.append(Service(LOOP_HOST, (port(80, gateway_port, False),)))
    return services


def _make_routes() -> dict[str, Any]:
    """/direct/<member>/… goes there in one hop, /loop/… passes the gateway twice, /mesh/… to ModelMesh."""

    def to(host: str, number: int = 80) -> list[dict[str, Any]]:
        return [{"destination": {"host": host, "port": {"number": number}}}]

    rpc_match = {"content-type": {"prefix": "application/grpc"}}
    routes: list[dict[str, Any]] = []
    for name in (OLD, NEW):
        headers = {**rpc_match, "x-member": {"exact": name}}
        routes += [
            {"match": [{"headers": headers}], "route": to(host_of(f"{name}-rpc"))},
            {
                "match": [{"uri": {"prefix": f"/direct/{name}/"}}],
                "rewrite": {"uri": f"/v2/models/{name}/"},
                "route": to(host_of(name)),
            },
            {
                "match": [{"uri": {"prefix": f"/loop/{name}/"}}],
                "rewrite": {"uri": f"/direct/{name}/"},
                "route": to(LOOP_HOST),
            },
            {
                "match": [{"uri": {"prefix": f"/mesh/{name}/"}}],
                "rewrite": {"uri": f"/v2/models/{name}/"},
                "route": to(MESH_HOST, 8008),
            },
        ]
    routes.append({"match": [{"headers": rpc_match}], "route": to(MESH_HOST, 8033)})
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "routes", "namespace": NAMESPACE},
        # Retries would hide a failure from the caller that the test counts.
        "spec": {
            "hosts": ["*"],
            "gateways": ["istio-system/ingress"],
            "http": [{**route, "retries": {"attempts": 0}} for route in routes],
        },
    }
