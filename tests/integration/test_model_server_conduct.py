"""Models that fail and are slow on command, and what their server counts."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from meshsplit.local.models.process import ModelServer
from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from meshsplit.local.models.spec import Behaviour, ModelMeshServing, Ports, StandardServing
from support.metrics import parse
from support.waiting import DEADLINE_SECONDS

BODY = b'{"inputs": []}'
FAMILY = "modelmesh_api_request_milliseconds"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ModelServer]:
    running = ModelServer.start(tmp_path / "log")
    try:
        yield running
    finally:
        running.stop()
    assert "Traceback" not in (tmp_path / "log").read_text()


def serve_mesh(server: ModelServer) -> Ports:
    return server.serve([ModelMeshServing("apps", ("one", "two"))])["apps", None]


def infer(port: int | None, model: str, count: int = 1) -> list[int]:
    url = f"http://127.0.0.1:{port}/v2/models/{model}/infer"
    with httpx.Client(timeout=DEADLINE_SECONDS) as client:
        return [client.post(url, content=BODY).status_code for _ in range(count)]


def call(port: int | None, model: str, count: int) -> list[grpc.StatusCode]:
    codes = []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=protocol.ModelInferRequest.SerializeToString,
            response_deserializer=protocol.ModelInferResponse.FromString,
        )
        for _ in range(count):
            try:
                method(protocol.ModelInferRequest(model_name=model))
                codes.append(grpc.StatusCode.OK)
            except grpc.RpcError as error:
                codes.append(error.code())
    return codes


def counted(port: int | None) -> dict[tuple[str, str], float]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_SECONDS).text
    found = {}
    for (name, labels), value in parse(text).items():
        if name == f"{FAMILY}_count":
            read = dict(labels)
            found[read["vModelId"], read["code"]] = value
    return found


def test_counters_are_those_of_the_requests_by_rest_and_grpc(server: ModelServer) -> None:
    ports = serve_mesh(server)
    assert counted(ports.metrics) == {}
    infer(ports.rest, "one", 3)
    call(ports.grpc, "one", 2)
    httpx.post(
        f"http://127.0.0.1:{ports.rest}/v2/models/two/infer", content=b"no JSON", timeout=DEADLINE_SECONDS
    )
    infer(ports.rest, "nobody")
    assert counted(ports.metrics) == {("one", "OK"): 5, ("two", "INVALID_ARGUMENT"): 1}


def test_a_share_fails_until_told_otherwise_and_the_same_with_the_same_seed(server: ModelServer) -> None:
    ports = serve_mesh(server)
    failing = [Behaviour("apps", "one", failing=0.25, seed=3), Behaviour("other", "two", failing=1.0)]
    server.behave(failing)
    first = infer(ports.rest, "one", 200)
    assert set(first) == {200, 500}
    assert 25 <= first.count(500) <= 75
    assert infer(ports.rest, "two", 20) == [200] * 20
    server.behave([])
    assert infer(ports.rest, "one", 50) == [200] * 50
    server.behave(failing)
    assert infer(ports.rest, "one", 200) == first
    assert counted(ports.metrics)["one", "INTERNAL"] == 2 * first.count(500)


def test_grpc_fails_with_a_status_of_its_own(server: ModelServer) -> None:
    ports = serve_mesh(server)
    server.behave([Behaviour("apps", "one", failing=1.0)])
    assert call(ports.grpc, "one", 3) == [grpc.StatusCode.INTERNAL] * 3
    assert counted(ports.metrics) == {("one", "INTERNAL"): 3}


def test_a_slow_model_is_slow_and_its_buckets_say_so(server: ModelServer) -> None:
    ports = serve_mesh(server)
    server.behave([Behaviour("apps", "one", delay_seconds=0.03)])
    infer(ports.rest, "one", 2)
    text = httpx.get(f"http://127.0.0.1:{ports.metrics}/metrics", timeout=DEADLINE_SECONDS).text
    buckets = {dict(labels)["le"]: value for (name, labels), value in parse(text).items() if "bucket" in name}
    assert (buckets["20.0"], buckets["+Inf"]) == (0, 2)
    assert list(buckets.values()) == sorted(buckets.values())


def test_a_behaviour_waits_for_its_model_and_reaches_members_of_their_own(server: ModelServer) -> None:
    server.behave([Behaviour("apps", "alone", failing=1.0)])
    member = StandardServing("apps", "alone", "model")
    port = server.serve([member])[member.key].rest
    assert infer(port, "model") == [500]
    body = {"instances": [1]}
    completion = {"model": "model", "prompt": "x"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_SECONDS) as client:
        assert client.post("/v1/models/model:predict", json=body).status_code == 500
        assert client.post("/openai/v1/completions", json=completion).status_code == 500
