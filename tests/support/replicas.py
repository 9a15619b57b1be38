"""Which replica of a model answers, by HTTP and by gRPC."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import grpc

from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from support.load import BODY

INFER = "/inference.GRPCInferenceService/ModelInfer"


def replica_of(url: str, path: str, host: str, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Of one request on a connection of its own: the status, the replica, and the cookie it was given."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("POST", path, BODY, {"Host": host, **(headers or {})})
        answer = connection.getresponse()
        answer.read()
        cookie = (answer.headers["set-cookie"] or "").partition(";")[0]
        return answer.status, answer.headers["x-served-by"] or "", cookie
    finally:
        connection.close()


def answer_with_cookies(
    url: str, path: str, host: str, headers: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Of one request on a connection of its own: the replica, and every cookie it was given."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("POST", path, BODY, {"Host": host, **headers})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        pairs = [text.partition(";")[0].partition("=") for text in answer.headers.get_all("set-cookie", ())]
        return answer.headers["x-served-by"] or "", {name: value for name, _, value in pairs}
    finally:
        connection.close()


def infer(url: str, host: str, model: str) -> str:
    """The replica that answers a gRPC call for this host."""
    options = (("grpc.default_authority", host), ("grpc.enable_http_proxy", 0))
    with grpc.insecure_channel(urlsplit(url).netloc, options) as channel:
        call = channel.unary_unary(
            INFER,
            request_serializer=protocol.ModelInferRequest.SerializeToString,
            response_deserializer=protocol.ModelInferResponse.FromString,
        )
        answer, answered = call.with_call(protocol.ModelInferRequest(model_name=model), timeout=10)
        assert answer.model_name == model
        return str(dict(answered.initial_metadata())["x-served-by"])


def answers_grpc(url: str, host: str, model: str) -> bool:
    """Whether a gRPC call for this host is answered."""
    try:
        infer(url, host, model)
    except grpc.RpcError:
        return False
    return True
