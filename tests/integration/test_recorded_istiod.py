"""The local mesh reads the same objects as a recorded istiod and must decide the same."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.local.mesh.services import Endpoint, Service, ServicePort
from meshsplit.local.mesh.translate import to_mesh

VARIABLE = "MESHSPLIT_ISTIO_CASES"
FEWEST_CASES = 30
GATEWAY_PORT = 18080
# Fields that only serve telemetry; we do not send them.
TELEMETRY = {"metadata", "decorator"}
# Sent by istiod too (no limits, where Envoy has some), but the recording leaves them out.
NOT_RECORDED = {"circuit_breakers"}


def make_port(number: int, *addresses: str, http2: bool = False) -> ServicePort:
    endpoints = tuple(Endpoint(address=address, port=number, labels={}) for address in addresses)
    return ServicePort(number=number, http2=http2, endpoints=endpoints)


def make_service(name: str, *ports: ServicePort) -> Service:
    return Service(host=f"{name}.svc.cluster.local", ports=ports)


# The Services that were there when istiod was recorded.
SERVICES = (
    make_service(
        "modelmesh-serving.ns", make_port(8008, "127.0.0.1"), make_port(8033, "127.0.0.1", http2=True)
    ),
    make_service("istio-ingressgateway.istio-system", make_port(80, "127.0.0.1")),
    make_service("iris-v1.ns", make_port(80, "127.0.0.1", "127.0.0.2", "127.0.0.3")),
    make_service("iris-v2.ns", make_port(80, "127.0.0.4")),
)


def find_cases() -> list[Path]:
    folder = os.environ.get(VARIABLE)
    return sorted(path.parent for path in Path(folder).glob("*/in.yaml")) if folder else []


def without(names: set[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without(names, part) for key, part in value.items() if key not in names}
    return [without(names, part) for part in value] if isinstance(value, list) else value


@pytest.fixture(autouse=True)
def _recorded() -> None:
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE} names no folder of recorded cases")


def test_cases_are_there() -> None:
    assert len(find_cases()) >= FEWEST_CASES


@pytest.mark.parametrize("case", find_cases(), ids=lambda case: case.name)
def test_same_routes_and_clusters(case: Path) -> None:
    objects = list(yaml.safe_load_all((case / "in.yaml").read_text()))
    recorded_routes = json.loads((case / "routes.json").read_text())["virtual_hosts"]
    recorded_clusters = json.loads((case / "clusters.json").read_text())["clusters"]

    mesh = to_mesh(objects, SERVICES, GATEWAY_PORT)

    assert mesh.routes["virtual_hosts"] == without(TELEMETRY, recorded_routes)
    assert without(NOT_RECORDED, list(mesh.clusters)) == recorded_clusters
    assert [it["cluster_name"] for it in mesh.endpoints] == [it["name"] for it in mesh.clusters]
