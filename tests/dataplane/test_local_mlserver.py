"""The second document's iris model on real MLServers, behind the objects of a version written by hand."""

import json
import os
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import yaml

from meshsplit.local.mlserver.installed import ENVIRONMENT
from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from support.local_mesh import LocalMesh, local_mesh

NAME, NAMESPACE = "sklearn-v2-iris-rest", "kserve-demo"
INSTANCES = [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]
SPECIES = [1, 1]
"""Both are versicolor: the answer that KServe's documentation gives to the same payload."""
PAYLOAD = {"inputs": [{"name": "input-0", "shape": [2, 4], "datatype": "FP32", "data": INSTANCES}]}
INFER = "/inference.GRPCInferenceService/ModelInfer"


def read_seed(seeds: str, name: str) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(Path(seeds, "disvc-poc", "rest", name).read_text())
    return body


def make_objects(seeds: str) -> list[dict[str, Any]]:
    """Version 1 as a controller would write it for the document's own YAML; gRPC on a Service beside it."""
    wish = read_seed(seeds, "disvc-1.yaml")
    spec = wish["spec"]["inferenservice"]
    spec["predictor"]["model"]["args"] = [f"--model_name={NAME}"]
    labels = {"disvc": NAME, "disvc.group": f"{NAME}-v1"}
    metadata = {"namespace": NAMESPACE, "annotations": wish["metadata"]["annotations"]}
    isvc = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {**metadata, "name": f"{NAME}-v1-0", "labels": labels},
        "spec": spec,
    }
    rpc = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "rpc", "namespace": NAMESPACE},
        "spec": {"selector": labels, "ports": [{"name": "grpc", "port": 80, "targetPort": 8081}]},
    }
    others = [read_seed(seeds, f"disvc-{part}.yaml") for part in ("svc", "v1-svc", "ingress-1")]
    return [isvc, rpc, *others]


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[LocalMesh]:
    seeds = os.environ.get("MESHSPLIT_SEEDS")
    if not seeds:
        pytest.skip("MESHSPLIT_SEEDS is not set")
    environment = Path(__file__).parents[2] / ENVIRONMENT
    if not (environment / "bin" / "mlserver").exists():
        assert "CI" not in os.environ, "CI must have MLServer: scripts/setup mlserver"
        pytest.skip("no MLServer on this machine: scripts/setup mlserver")
    (tmp_path / ENVIRONMENT).symlink_to(environment)
    source = tmp_path / "source"
    source.mkdir()
    (source / "objects.yaml").write_text(yaml.safe_dump_all(make_objects(seeds)))
    with local_mesh(source, tmp_path, "--model-server", "mlserver") as running:
        yield running


def predict(url: str, host: str) -> tuple[str, list[int]]:
    """The InferenceService that answers the document's request, and its predictions."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    headers = {"Host": host, "Content-Type": "application/json"}
    connection.request("POST", f"/v2/models/{NAME}/infer", json.dumps(PAYLOAD), headers)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    assert (answer.status, content["model_name"]) == (200, NAME)
    return answer.headers["ce-inferenceservicename"], content["outputs"][0]["data"]


def predict_by_grpc(url: str, host: str) -> list[int]:
    request = protocol.ModelInferRequest(model_name=NAME)
    tensor = request.inputs.add(name="input-0", datatype="FP32", shape=[2, 4])
    tensor.contents.fp32_contents.extend(value for row in INSTANCES for value in row)
    options = (("grpc.default_authority", host), ("grpc.enable_http_proxy", 0))
    with grpc.insecure_channel(urlsplit(url).netloc, options) as channel:
        answer = channel.unary_unary(
            INFER,
            request_serializer=protocol.ModelInferRequest.SerializeToString,
            response_deserializer=protocol.ModelInferResponse.FromString,
        )(request, timeout=30)
    assert answer.model_name == NAME
    return list(answer.outputs[0].contents.int64_contents)


def test_the_documents_payload_gets_a_prediction_outside_inside_and_by_grpc(mesh: LocalMesh) -> None:
    served_by = f"{NAME}-v1-0"
    assert predict(mesh.url, f"{NAME}-{NAMESPACE}.example.com") == (served_by, SPECIES)
    assert predict(mesh.inside, f"{NAME}.{NAMESPACE}.svc.cluster.local") == (served_by, SPECIES)
    assert predict_by_grpc(mesh.inside, f"rpc.{NAMESPACE}") == SPECIES
