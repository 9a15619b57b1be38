"""What the kind's author expected a controller to make of his own documents, object by object."""

import os
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from meshsplit.controller import resources
from meshsplit.kube.port import Resource
from meshsplit.local.runtimes import make_cluster_runtimes
from support.fleet import Body
from support.manifests import make_namespace
from support.stepdisvc import INGRESS, ISVC, ROUTE, SERVICE, DisvcController, World

NAMESPACE = "kserve-demo"
REST, GRPC = "sklearn-v2-iris-rest", "sklearn-v2-iris-grpc"


@pytest.fixture(scope="module")
def documents() -> Path:
    folder = os.environ.get("MESHSPLIT_SEEDS")
    if not folder:
        assert "CI" not in os.environ, "CI must have the seeds"
        pytest.skip("MESHSPLIT_SEEDS is not set")
    return Path(folder) / "disvc-poc"


def read(documents: Path, name: str) -> Body:
    body: Body = yaml.safe_load((documents / name).read_text())
    return body


class Demo:
    """The author's namespace on a store without HTTP, with what an installation of KServe has."""

    def __init__(self, exposure: str = "VirtualService") -> None:
        self.world = World()
        self.user = self.world.user
        self.exposure = exposure
        self.name = ""
        self.user.create(resources.NAMESPACES, make_namespace(NAMESPACE))
        for runtime in make_cluster_runtimes():
            self.user.create(resources.CLUSTER_SERVING_RUNTIMES, runtime)

    def apply(self, body: Body) -> None:
        """As `kubectl apply` does, and until all is at rest."""
        asked = deepcopy(body)
        asked["spec"]["exposure"] = self.exposure
        self.name = asked["metadata"]["name"]
        self.world.user.api.apply(resources.DISVCS, asked)
        controller = DisvcController(self.world)
        for _ in range(12):
            for isvc in self.user.all(ISVC, NAMESPACE):
                self.user.set_ready(isvc["metadata"]["name"], NAMESPACE, True)
            controller.look()
            self.world.clock.advance(controller.reconcile(self.name, NAMESPACE))

    def get(self, kind: Resource, name: str) -> Body:
        return self.user.get(kind, name, NAMESPACE)


def assert_service(made: Body, expected: Body) -> None:
    """Names, labels, selector, type and ports are the author's; stickiness comes with a second replica."""
    assert made["metadata"]["labels"].items() >= expected["metadata"]["labels"].items()
    assert made["spec"]["selector"] == expected["spec"]["selector"]
    assert made["spec"]["type"] == expected["spec"]["type"]
    (port,), (wanted,) = made["spec"]["ports"], expected["spec"]["ports"]
    assert {key: port[key] for key in wanted} == wanted


def assert_inference_service(made: Body, expected: Body, asked: Body) -> None:
    """The author wrote his by hand from what he asked for, and some labels that are KServe's own."""
    labels = expected["metadata"].get("labels") or {}
    ours = {key: value for key, value in labels.items() if key.startswith("disvc")}
    assert made["metadata"]["labels"].items() >= ours.items()
    annotations = {**expected["metadata"]["annotations"], **asked["spec"].get("annotations", {})}
    assert made["metadata"]["annotations"] == annotations
    model, wanted = (each["spec"]["predictor"]["model"] for each in (made, expected))
    for key in ("modelFormat", "storageUri", "ports"):
        assert model.get(key) == wanted.get(key), key
    assert set(wanted.get("args", [])) <= set(model["args"])
    template = asked["spec"]["inferenservice"]["predictor"]["model"]
    assert model == {**template, "args": [f"--model_name={asked['metadata']['name']}"]}


@pytest.mark.parametrize("exposure", ["VirtualService", "Ingress"])
def test_rest_version_after_version(documents: Path, exposure: str) -> None:
    demo = Demo(exposure)
    for version in (1, 2):
        asked = read(documents, f"rest/disvc-{version}.yaml")
        demo.apply(asked)
        group = f"{REST}-v{version}"
        assert_service(demo.get(SERVICE, REST), read(documents, "rest/disvc-svc.yaml"))
        assert_service(demo.get(SERVICE, group), read(documents, f"rest/disvc-v{version}-svc.yaml"))
        expected = read(documents, "rest/disvc-isvc1.yaml")
        expected["metadata"]["labels"]["disvc.group"] = group
        assert_inference_service(demo.get(ISVC, f"{group}-0"), expected, asked)
        assert [each["metadata"]["name"] for each in demo.user.all(ISVC, NAMESPACE)] == [f"{group}-0"]
        if exposure == "Ingress":
            ingress = read(documents, f"rest/disvc-ingress-{version}.yaml")
            assert demo.get(INGRESS, REST)["spec"] == ingress["spec"]
            assert demo.user.all(ROUTE, NAMESPACE) == []
        else:
            (host, inside) = demo.get(ROUTE, REST)["spec"]["hosts"]
            assert (host, inside) == (
                f"{REST}-{NAMESPACE}.example.com",
                f"{REST}.{NAMESPACE}.svc.cluster.local",
            )
            assert World.routed_by(demo.get(ROUTE, REST)) == group
        status = demo.get(resources.DISVCS, REST)["status"]
        assert status["url"] == f"http://{REST}-{NAMESPACE}.example.com"
        assert status["address"]["url"] == f"http://{group}.{NAMESPACE}.svc.cluster.local"


def test_grpc(documents: Path) -> None:
    demo = Demo("Ingress")
    asked = read(documents, "grpc/disvc.yaml")
    demo.apply(asked)
    assert_service(demo.get(SERVICE, GRPC), read(documents, "grpc/disvc-svc.yaml"))
    assert_service(demo.get(SERVICE, f"{GRPC}-v1"), read(documents, "grpc/disvc-v1-svc.yaml"))
    for name in (GRPC, f"{GRPC}-v1"):
        (port,) = demo.get(SERVICE, name)["spec"]["ports"]
        assert port["name"] == "grpc", "by its name a mesh knows that it is HTTP/2"
    assert_inference_service(demo.get(ISVC, f"{GRPC}-v1-0"), read(documents, "grpc/disvc-isvc1.yaml"), asked)
    # Certificates and what only one ingress controller reads are not the controller's to choose.
    expected = read(documents, "grpc/disvc-ingress.yaml")["spec"]["rules"]
    assert demo.get(INGRESS, GRPC)["spec"]["rules"] == expected
