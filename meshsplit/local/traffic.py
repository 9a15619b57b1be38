"""Requests through a gateway, counted by the member that answered: what the demo sends."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

# Enough to keep a gateway on two cores busy without queueing in front of it.
WORKERS = 4
REQUEST_SECONDS = 10.0
# Channels of a process share connections unless told not to, and take a proxy from the environment even to
# this very machine.
_CHANNEL_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests each member answered, and how many failed (any status but success)."""

    served: tuple[tuple[str, int], ...]
    failed: int

    @property
    def total(self) -> int:
        """All requests that were sent."""
        return sum(count for _, count in self.served) + self.failed


Send = Callable[[], str | None]
"""Sends one request: the member that answered, None when it failed. BROKEN says so too; then make another."""
BROKEN = (OSError, http.client.HTTPException)


def send_rest(
    url: str, path: str, body: bytes, requests: int, headers: Mapping[str, str] | None = None
) -> Tally:
    """POST `body` to `path` `requests` times over a few kept-alive connections, with `headers` on each."""
    return _spread(requests, lambda: make_rest(url, path, body, headers))


def send_grpc(url: str, group: str, requests: int) -> Tally:
    """Call ModelInfer with `mm-vmodel-id: group` and no model name `requests` times."""
    return _spread(requests, lambda: make_grpc(url, group))


def make_rest(url: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Send:
    """A sender of POST requests over one kept-alive connection; for one thread."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=REQUEST_SECONDS)
    all_headers = {"Content-Type": "application/json", **(headers or {})}

    def send() -> str | None:
        connection.request("POST", path, body, all_headers)
        answer = connection.getresponse()
        content = answer.read()
        return json.loads(content).get("model_name") if answer.status == http.HTTPStatus.OK else None

    return send


def make_grpc(url: str, group: str) -> Send:
    """A sender of ModelInfer calls over a channel of its own."""
    import grpc

    from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as messages
    from meshsplit.local.models.protocol import grpc_predict_v2_pb2_grpc as service

    request = messages.ModelInferRequest()
    tensor = request.inputs.add(name="predict", datatype="FP32", shape=[1, 4])
    tensor.contents.fp32_contents.extend([6.8, 2.8, 4.8, 1.4])
    channel = grpc.insecure_channel(urlsplit(url).netloc, _CHANNEL_OPTIONS)
    stub = service.GRPCInferenceServiceStub(channel)

    def send() -> str | None:
        try:
            answer = stub.ModelInfer(request, timeout=REQUEST_SECONDS, metadata=[("mm-vmodel-id", group)])
        except grpc.RpcError:
            return None
        return str(answer.model_name)

    return send


def _spread(requests: int, make_sender: Callable[[], Send]) -> Tally:
    served: Counter[str] = Counter()
    failed = 0
    lock = threading.Lock()

    def work(count: int) -> None:
        nonlocal failed
        send = make_sender()
        for _ in range(count):
            try:
                member = send()
            except BROKEN:
                member = None
                send = make_sender()
            with lock:
                if member is None:
                    failed += 1
                else:
                    served[member] += 1

    shares = [requests // WORKERS + (index < requests % WORKERS) for index in range(WORKERS)]
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Tally(tuple(sorted(served.items())), failed)
