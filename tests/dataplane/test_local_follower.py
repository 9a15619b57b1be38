"""A real Envoy follows the Istio objects and Services of the embedded cluster."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from meshsplit.local.cluster import MANAGER, Cluster
from meshsplit.local.follower import MeshFollower
from meshsplit.local.gateway import Gateway
from meshsplit.local.services import make_gateway_service
from meshsplit.model import Endpoint, Settings
from support.cluster import NAMESPACE, isvc
from support.load import ask
from support.waiting import eventually

HOST = f"models.{NAMESPACE}.svc.cluster.local"


class Backend(BaseHTTPRequestHandler):
    """Answers with the path it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Mesh:
    """A follower that tests call by hand, and what it said."""

    cluster: Cluster
    gateway: Gateway
    said: list[str] = field(default_factory=list)
    changes: list[list[str]] = field(default_factory=list)
    follower: MeshFollower = field(init=False)

    def __post_init__(self) -> None:
        self.follower = MeshFollower(self.cluster, self.gateway, Settings(), self.said.append, self._note)

    def _note(self, served: Sequence[dict[str, Any]]) -> None:
        self.changes.append([body["metadata"]["name"] for body in served])

    def apply(self, *bodies: dict[str, Any]) -> None:
        for body in bodies:
            self.cluster.apply(body, "test")
        self.follower.follow()

    def get(self, path: str, host: str = "a.example") -> tuple[int, bytes]:
        return ask(self.gateway.url, path, {"Host": host}, method="GET")


@pytest.fixture(scope="module")
def backend() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mesh(tmp_path: Path, backend: int) -> Iterator[Mesh]:
    cluster = Cluster.start()
    cluster.ensure_namespace(NAMESPACE)
    for body in make_gateway_service(Endpoint(HOST, 80), backend):
        cluster.apply(body, MANAGER)
    with Gateway.start(tmp_path / "gateway", 0) as gateway:
        yield Mesh(cluster, gateway)
    cluster.stop()


def route(name: str, host: str, *, version: str = "v1", to: str = HOST, **extra: Any) -> dict[str, Any]:
    """A VirtualService that serves a host."""
    http = {"route": [{"destination": {"host": to, "port": {"number": 80}}}], **extra}
    return {
        "apiVersion": f"networking.istio.io/{version}",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"hosts": [host], "gateways": ["istio-system/gateway"], "http": [http]},
    }


def test_every_version_of_istios_api_is_served(mesh: Mesh) -> None:
    mesh.apply(route("a", "a.example"), route("b", "b.example", version="v1beta1"))
    assert mesh.get("/x") == (200, b"/x")
    assert mesh.get("/x", "b.example") == (200, b"/x")
    assert mesh.changes == [["a", "b"]]


def test_a_gateway_of_the_older_version_counts(mesh: Mesh) -> None:
    gateway = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "Gateway",
        "metadata": {"name": "other", "namespace": NAMESPACE},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": []},
    }
    mesh.apply(route("a", "a.example"), gateway)
    assert mesh.get("/x")[0] == 404
    gateway["metadata"] = {"name": "gateway", "namespace": "istio-system"}
    mesh.cluster.ensure_namespace("istio-system")
    mesh.apply(gateway)
    assert mesh.get("/x")[0] == 200


def test_an_unknown_field_is_said_once_and_the_rest_serves(mesh: Mesh) -> None:
    mesh.apply(route("a", "a.example"), route("strange", "s.example", corsPolicy={}))
    assert mesh.get("/x")[0] == 200
    assert mesh.get("/x", "s.example")[0] == 404
    mesh.apply(route("b", "b.example"))
    assert mesh.get("/x", "b.example")[0] == 200
    (said,) = mesh.said
    assert "VirtualService models/strange" in said
    assert "corsPolicy" in said
    assert "it is not served" in said


def test_an_edit_that_cannot_be_served_leaves_what_served(mesh: Mesh) -> None:
    mesh.apply(route("a", "a.example"))
    mesh.apply(route("a", "other.example", corsPolicy={}))
    assert mesh.get("/x")[0] == 200
    assert mesh.get("/x", "other.example")[0] == 404
    assert "what served before keeps serving" in mesh.said[0]
    mesh.apply(route("a", "other.example"))
    assert mesh.get("/x", "other.example")[0] == 200


def test_what_istio_would_refuse_is_not_served(mesh: Mesh) -> None:
    broken = route("broken", "b.example")
    broken["spec"]["http"][0]["match"] = [{"uri": {"regex": "("}}]
    mesh.apply(broken, route("a", "a.example"))
    assert mesh.get("/x")[0] == 200
    assert mesh.get("/x", "b.example")[0] == 404
    assert mesh.said[0].startswith("warning: Istio would refuse VirtualService models/broken")


def test_a_first_hop_of_a_group_leads_back_to_the_gateway(mesh: Mesh) -> None:
    split = {
        "apiVersion": "meshsplit.dev/v1alpha1",
        "kind": "ModelSplit",
        "metadata": {"name": "group", "namespace": NAMESPACE},
        "spec": {
            "modelTag": "group",
            "routing": {"rest": "Loopback", "loopHost": "loop.elsewhere.example:81"},
        },
    }
    member = isvc("one")
    member["metadata"]["labels"] = {"serving.kserve.io/model-tag": "group"}
    first = route("first", "a.example", to="loop.elsewhere.example", rewrite={"authority": "b.example"})
    first["spec"]["http"][0]["route"][0]["destination"]["port"]["number"] = 81
    mesh.apply(first, route("second", "b.example"))
    assert mesh.get("/x")[0] != 200
    mesh.apply(split, member)
    assert mesh.get("/x") == (200, b"/x")


def test_only_services_that_something_backs_lead_anywhere(mesh: Mesh, backend: int) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "unbacked", "namespace": NAMESPACE},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": backend}]},
    }
    mesh.apply(service, route("a", "a.example", to=f"unbacked.{NAMESPACE}.svc.cluster.local"))
    assert mesh.get("/x")[0] == 503


def test_the_worker_follows_by_itself(mesh: Mesh) -> None:
    mesh.follower.worker.start()
    try:
        mesh.cluster.apply(route("a", "a.example"), "test")
        eventually(lambda: mesh.get("/x")[0] == 200, "the route")
        resource = mesh.cluster.resource("networking.istio.io/v1", "VirtualService")
        mesh.cluster.delete(resource, NAMESPACE, "a")
        eventually(lambda: mesh.get("/x")[0] == 404, "the end of the route")
    finally:
        mesh.follower.worker.stop()
    mesh.follower.worker.require_running()
