"""What gRPC clients get from the stand-in model server: a real client against the real process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from meshsplit.local.models.process import ModelServer
from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from meshsplit.local.models.protocol import grpc_predict_v2_pb2_grpc as stubs
from meshsplit.local.models.spec import ModelMeshServing, StandardServing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshsplit.local.models.spec import Ports, ServingKey

Headers = tuple[tuple[str, str], ...]
ONE, TWO = "ai-model-one", "ai-model-two"
BY_VMODEL: Headers = (("mm-vmodel-id", TWO),)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[ServingKey, Ports]]:
    log = tmp_path_factory.mktemp("models") / "log"
    server = ModelServer.start(log)
    try:
        yield server.serve(
            [
                ModelMeshServing("apps", (ONE, TWO)),
                StandardServing("apps", "canary", "ai-model"),
            ]
        )
    finally:
        server.stop()
    assert "Traceback" not in log.read_text()


def make_stub(channel: grpc.Channel) -> Any:
    return stubs.GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def modelmesh(ports: Mapping[ServingKey, Ports]) -> Iterator[Any]:
    key = ModelMeshServing("apps", ()).key
    options = (("grpc.max_receive_message_length", -1),)
    with grpc.insecure_channel(f"127.0.0.1:{ports[key].grpc}", options) as channel:
        yield make_stub(channel)


@pytest.fixture(scope="module")
def member(ports: Mapping[ServingKey, Ports]) -> Iterator[Any]:
    key = StandardServing("apps", "canary", "").key
    with grpc.insecure_channel(f"127.0.0.1:{ports[key].grpc}") as channel:
        yield make_stub(channel)


def infer(stub: Any, model_name: str, headers: Headers = ()) -> tuple[str, str]:
    """The model that answered: as the payload says and as the initial metadata says."""
    response, call = stub.ModelInfer.with_call(
        protocol.ModelInferRequest(model_name=model_name), metadata=headers
    )
    return response.model_name, dict(call.initial_metadata())["x-served-by"]


@pytest.mark.parametrize(
    ("model_name", "headers", "answers"),
    [
        ("", BY_VMODEL, TWO),
        (ONE, (), ONE),
        (ONE, BY_VMODEL, ONE),
        (ONE, (*BY_VMODEL, *BY_VMODEL), ONE),
        (ONE, (*BY_VMODEL, ("mm-model-id", "x")), ONE),
    ],
)
def test_the_payload_wins_over_the_header(
    modelmesh: Any, model_name: str, headers: Headers, answers: str
) -> None:
    assert infer(modelmesh, model_name, headers) == (answers, answers)


@pytest.mark.parametrize(
    ("model_name", "headers", "code"),
    [
        ("", (), grpc.StatusCode.INVALID_ARGUMENT),
        ("", (("mm-vmodel-id", ""),), grpc.StatusCode.INVALID_ARGUMENT),
        ("", (*BY_VMODEL, ("mm-model-id", ONE)), grpc.StatusCode.INVALID_ARGUMENT),
        ("", (*BY_VMODEL, ("mm-vmodel-id", ONE)), grpc.StatusCode.INVALID_ARGUMENT),
        ("", (("mm-vmodel-id", "ai-model"),), grpc.StatusCode.NOT_FOUND),
        ("", (("mm-model-id", ONE),), grpc.StatusCode.NOT_FOUND),
        ("ai-model", (), grpc.StatusCode.NOT_FOUND),
        ("ai-model", BY_VMODEL, grpc.StatusCode.NOT_FOUND),
    ],
)
def test_a_call_that_names_no_model_fails(
    modelmesh: Any, model_name: str, headers: Headers, code: grpc.StatusCode
) -> None:
    for call, request in (
        (modelmesh.ModelInfer, protocol.ModelInferRequest(model_name=model_name)),
        (modelmesh.ModelMetadata, protocol.ModelMetadataRequest(name=model_name)),
        (modelmesh.ModelReady, protocol.ModelReadyRequest(name=model_name)),
    ):
        with pytest.raises(grpc.RpcError) as failed:
            call(request, metadata=headers)
        assert failed.value.code() is code
        assert failed.value.details()


def test_the_inputs_come_back_as_outputs(modelmesh: Any) -> None:
    request = protocol.ModelInferRequest(model_name=ONE, model_version="7", id="42")
    request.inputs.add(name="x", datatype="FP32", shape=[2]).contents.fp32_contents.extend([0.5, 2.0])
    request.inputs.add(name="t", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"\xff")
    response = modelmesh.ModelInfer(request)
    assert (response.model_name, response.model_version, response.id) == (ONE, "7", "42")
    assert [(output.name, output.datatype, list(output.shape)) for output in response.outputs] == [
        ("x", "FP32", [2]),
        ("t", "BYTES", [1]),
    ]
    assert [output.contents for output in response.outputs] == [tensor.contents for tensor in request.inputs]


def test_raw_inputs_come_back_raw_also_above_grpcs_own_limit(modelmesh: Any) -> None:
    raw = bytes(8 * 1024 * 1024)
    request = protocol.ModelInferRequest(raw_input_contents=[raw])
    request.inputs.add(name="x", datatype="FP16", shape=[len(raw) // 2])
    response = modelmesh.ModelInfer(request, metadata=BY_VMODEL)
    assert list(response.raw_output_contents) == [raw]
    assert not response.outputs[0].HasField("contents")


def test_metadata_and_readiness_follow_the_header_too(modelmesh: Any) -> None:
    response, call = modelmesh.ModelMetadata.with_call(
        protocol.ModelMetadataRequest(version="7"), metadata=BY_VMODEL
    )
    assert (response.name, list(response.versions), response.platform) == (TWO, ["7"], "echo")
    assert dict(call.initial_metadata())["x-served-by"] == TWO
    ready, call = modelmesh.ModelReady.with_call(protocol.ModelReadyRequest(), metadata=BY_VMODEL)
    assert ready.ready
    assert dict(call.initial_metadata())["x-served-by"] == TWO


def test_the_shared_service_answers_for_itself(modelmesh: Any) -> None:
    live, call = modelmesh.ServerLive.with_call(protocol.ServerLiveRequest())
    assert live.live
    assert "x-served-by" not in dict(call.initial_metadata())
    assert modelmesh.ServerReady(protocol.ServerReadyRequest()).ready
    assert modelmesh.ServerMetadata(protocol.ServerMetadataRequest()).name == "meshsplit-local"


def test_a_member_is_named_by_its_service_not_by_its_served_name(member: Any) -> None:
    assert infer(member, "ai-model") == ("ai-model", "canary")
    _, call = member.ServerLive.with_call(protocol.ServerLiveRequest())
    assert dict(call.initial_metadata())["x-served-by"] == "canary"


@pytest.mark.parametrize(("model_name", "headers"), [("", (("mm-vmodel-id", "ai-model"),)), ("canary", ())])
def test_a_member_goes_by_the_payload_alone(member: Any, model_name: str, headers: Headers) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        infer(member, model_name, headers)
    error: Any = failed.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert dict(error.initial_metadata())["x-served-by"] == "canary"
