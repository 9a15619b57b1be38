"""The committed Python of the gRPC schema is what the schema says, and the schema is the public protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool

from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from meshsplit.local.models.protocol import grpc_predict_v2_pb2_grpc as stubs

ROOT = Path(__file__).parents[2]
FOLDER = "meshsplit/local/models/protocol"

# Field numbers of the public definition (kserve/open-inference-protocol, open_inference_grpc.proto).
PUBLIC_FIELDS = {
    "ServerLiveResponse": {"live": 1},
    "ServerReadyResponse": {"ready": 1},
    "ModelReadyRequest": {"name": 1, "version": 2},
    "ModelReadyResponse": {"ready": 1},
    "ServerMetadataResponse": {"name": 1, "version": 2, "extensions": 3},
    "ModelMetadataRequest": {"name": 1, "version": 2},
    "ModelMetadataResponse": {"name": 1, "versions": 2, "platform": 3, "inputs": 4, "outputs": 5},
    "ModelMetadataResponse.TensorMetadata": {"name": 1, "datatype": 2, "shape": 3},
    "ModelInferRequest": {
        "model_name": 1,
        "model_version": 2,
        "id": 3,
        "parameters": 4,
        "inputs": 5,
        "outputs": 6,
        "raw_input_contents": 7,
    },
    "ModelInferRequest.InferInputTensor": {
        "name": 1,
        "datatype": 2,
        "shape": 3,
        "parameters": 4,
        "contents": 5,
    },
    "ModelInferRequest.InferRequestedOutputTensor": {"name": 1, "parameters": 2},
    "ModelInferResponse": {
        "model_name": 1,
        "model_version": 2,
        "id": 3,
        "parameters": 4,
        "outputs": 5,
        "raw_output_contents": 6,
    },
    "ModelInferResponse.InferOutputTensor": {
        "name": 1,
        "datatype": 2,
        "shape": 3,
        "parameters": 4,
        "contents": 5,
    },
    "InferParameter": {
        "bool_param": 1,
        "int64_param": 2,
        "string_param": 3,
        "double_param": 4,
        "uint64_param": 5,
    },
    "InferTensorContents": {
        "bool_contents": 1,
        "int_contents": 2,
        "int64_contents": 3,
        "uint_contents": 4,
        "uint64_contents": 5,
        "fp32_contents": 6,
        "fp64_contents": 7,
        "bytes_contents": 8,
    },
}
# `model_name: "m"`, one input {name: "x", datatype: "INT32", shape: [2], contents: {int_contents: [7, 8]}}
# and one raw content "r", as any client of the public definition puts it on the wire.
PUBLIC_REQUEST = bytes.fromhex("0a016d 2a13 0a0178 1205494e543332 1a0102 2a04 1202 0708 3a0172")


def normalised(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """As a descriptor pool spells it: protoc fills in more or less depending on the output it writes."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = descriptor_pb2.FileDescriptorProto()
    pool.FindFileByName(file.name).CopyToProto(found)
    return found


def read_generated(module: Path) -> descriptor_pb2.FileDescriptorProto:
    program = (
        "import runpy, sys; sys.stdout.buffer.write(runpy.run_path(sys.argv[1])['DESCRIPTOR'].serialized_pb)"
    )
    ran = subprocess.run([sys.executable, "-c", program, module], check=True, capture_output=True)
    return descriptor_pb2.FileDescriptorProto.FromString(ran.stdout)


def test_the_committed_python_is_what_the_script_generates(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([ROOT / "scripts/make_protocol", tmp_path], check=True, env=environment)
    generated = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert generated == sorted(path.name for path in (ROOT / FOLDER).glob("*_pb2*.py*"))
    committed = read_generated(ROOT / FOLDER / "grpc_predict_v2_pb2.py")
    assert normalised(read_generated(tmp_path / FOLDER / "grpc_predict_v2_pb2.py")) == normalised(committed)


def test_the_fields_have_the_public_numbers() -> None:
    found = {}
    for message in protocol.DESCRIPTOR.message_types_by_name.values():
        for each in (message, *message.nested_types):
            if not each.GetOptions().map_entry and each.fields:
                name = each.full_name.removeprefix("inference.")
                found[name] = {field.name: field.number for field in each.fields}
    assert found == PUBLIC_FIELDS


def test_the_stub_calls_every_method_of_the_service() -> None:
    service = protocol.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert service.full_name == "inference.GRPCInferenceService"
    methods = {method.name for method in service.methods}
    assert methods == {
        "ServerLive",
        "ServerReady",
        "ModelReady",
        "ServerMetadata",
        "ModelMetadata",
        "ModelInfer",
    }
    assert methods <= set(dir(stubs.GRPCInferenceServiceServicer))


def test_a_public_clients_bytes_are_understood() -> None:
    request = protocol.ModelInferRequest.FromString(PUBLIC_REQUEST)
    (tensor,) = request.inputs
    assert (request.model_name, tensor.name, tensor.datatype, list(tensor.shape)) == ("m", "x", "INT32", [2])
    assert list(tensor.contents.int_contents) == [7, 8]
    assert list(request.raw_input_contents) == [b"r"]
    assert request.SerializeToString() == PUBLIC_REQUEST
