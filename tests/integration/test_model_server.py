"""The life of the model server process: it changes under load, and never outlives its parent."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from meshsplit.local.models.process import ModelServer, ModelServerError
from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from meshsplit.local.models.spec import Behaviour, ModelMeshServing, StandardServing
from support.processes import is_alive
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_SECONDS = 30.0
BODY = b'{"inputs": []}'
INFER = "/inference.GRPCInferenceService/ModelInfer"
LIVE = "/inference.GRPCInferenceService/ServerLive"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ModelServer]:
    running = ModelServer.start(tmp_path / "log")
    try:
        yield running
    finally:
        running.stop()
    assert "Traceback" not in (tmp_path / "log").read_text()


def wait_for_more(items: list[Any]) -> None:
    seen = len(items)
    eventually(lambda: len(items) > seen)


def accepts(port: int | None) -> bool:
    assert port is not None
    # Reset: it was closed while the connection was made.
    refusals = (ConnectionRefusedError, ConnectionResetError)
    with contextlib.suppress(*refusals), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def infer(port: int | None, model: str) -> int:
    url = f"http://127.0.0.1:{port}/v2/models/{model}/infer"
    return httpx.post(url, content=BODY, timeout=DEADLINE_SECONDS).status_code


def open_infer(port: int | None, model: str) -> socket.socket:
    """A request whose body is still to come; the interim answer proves that the server has begun with it."""
    assert port is not None
    client = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)
    client.sendall(
        f"POST /v2/models/{model}/infer HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
        f"content-length: {len(BODY)}\r\n\r\n".encode()
    )
    assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
    return client


def finish_infer(client: socket.socket) -> bytes:
    client.sendall(BODY)
    answer = b""
    while received := client.recv(1000):
        answer += received
    client.close()
    return answer


def test_ports_stay_while_models_come_and_go(server: ModelServer) -> None:
    mesh = ModelMeshServing("apps", ("one", "two"))
    member = StandardServing("apps", "alone", "model")
    before = server.serve([mesh, member])
    port = before["apps", None].rest
    assert [infer(port, model) for model in ("one", "two", "three")] == [200, 200, 404]

    changed = ModelMeshServing("apps", ("two", "three"))
    renamed = StandardServing("apps", "alone", "renamed")
    other = ModelMeshServing("other", ("one",))
    after = server.serve([other, renamed, changed])

    assert {key: after[key] for key in before} == before
    assert [infer(port, model) for model in ("one", "two", "three")] == [404, 200, 200]
    assert [infer(after[member.key].rest, model) for model in ("model", "renamed")] == [404, 200]
    assert [infer(after["other", None].rest, model) for model in ("one", "two")] == [200, 404]


def test_one_namespaces_models_are_not_anothers(server: ModelServer) -> None:
    ports = server.serve([ModelMeshServing("a", ("same", "only-a")), ModelMeshServing("b", ("same",))])
    assert infer(ports["a", None].rest, "only-a") == 200
    assert infer(ports["b", None].rest, "only-a") == 404


def test_what_is_removed_accepts_nothing_more(server: ModelServer) -> None:
    gone = server.serve([ModelMeshServing("apps", ("one",)), StandardServing("apps", "alone", "model")])
    assert server.serve([]) == {}
    assert not accepts(gone["apps", None].rest)
    assert not accepts(gone["apps", "alone"].rest)
    eventually(lambda: not accepts(gone["apps", None].grpc))


def test_every_serving_has_a_process_of_its_own(server: ModelServer) -> None:
    ports = server.serve([StandardServing("apps", "a", "m"), StandardServing("apps", "b", "m")])
    a, b = ports["apps", "a"], ports["apps", "b"]
    assert len({server.pid, a.pid, b.pid}) == 3
    assert accepts(a.rest)
    assert accepts(a.grpc)
    server.serve([StandardServing("apps", "b", "m")])
    eventually(lambda: not is_alive(a.pid))
    assert infer(b.rest, "m") == 200


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_ends_by_itself_is_started_anew(server: ModelServer, signal_number: int) -> None:
    servings = [StandardServing("apps", "a", "m"), StandardServing("apps", "b", "m")]
    before = server.serve(servings)
    server.behave([Behaviour("apps", "a", failing=1.0)])
    ended = threading.Event()
    server.notify(ended.set)
    os.kill(before["apps", "a"].pid, signal_number)
    assert ended.wait(DEADLINE_SECONDS)
    after = server.serve(servings)
    assert after["apps", "b"] == before["apps", "b"]
    assert after["apps", "a"].pid != before["apps", "a"].pid
    assert infer(after["apps", "a"].rest, "m") == 500


def test_a_request_in_flight_finishes_when_its_process_is_terminated(server: ModelServer) -> None:
    ports = server.serve([StandardServing("apps", "a", "m")])["apps", "a"]
    client = open_infer(ports.rest, "m")
    os.kill(ports.pid, signal.SIGTERM)
    eventually(lambda: not accepts(ports.rest))
    assert finish_infer(client).startswith(b"HTTP/1.1 200 ")


def test_commands_of_two_threads_get_their_own_answers(server: ModelServer) -> None:
    """As when models are told to fail while one of them is started anew."""
    served = [StandardServing("ns", name, "model") for name in ("one", "two")]
    ports = server.serve(served)
    begun, stop = threading.Event(), threading.Event()

    def misbehave() -> None:
        while not stop.is_set():
            server.behave([Behaviour("ns", "one", failing=1.0)])
            begun.set()

    other = threading.Thread(target=misbehave)
    other.start()
    try:
        assert begun.wait(DEADLINE_SECONDS)
        assert [server.serve(served) for _ in range(100)] == [ports] * 100
    finally:
        stop.set()
        other.join()


def test_two_servings_with_one_key_are_a_mistake(server: ModelServer) -> None:
    with pytest.raises(ValueError, match="one key"):
        server.serve([ModelMeshServing("apps", ("one",)), ModelMeshServing("apps", ("two",))])
    assert server.serve([]) == {}


def test_what_cannot_be_served_changes_nothing(server: ModelServer) -> None:
    standing = StandardServing("apps", "standing", "model")
    before = server.serve([standing])
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    open_files = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
    many = [StandardServing("apps", f"m{index}", "model") for index in range(20)]
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (open_files + 10, limits[1]))
    with pytest.raises(ModelServerError, match=r"cannot start a process: .*Too many open files"):
        server.serve([*many, ModelMeshServing("apps", ("one",))])
    assert infer(before[standing.key].rest, "model") == 200
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    after = server.serve([*many, standing])
    assert after[standing.key] == before[standing.key]
    assert infer(after["apps", "m19"].rest, "model") == 200


def test_a_client_that_goes_away_leaves_no_traceback(server: ModelServer) -> None:
    port = server.serve([ModelMeshServing("apps", ("one",))])["apps", None].rest
    open_infer(port, "one").close()
    assert infer(port, "one") == 200  # the fixture reads the log


def test_a_request_in_flight_finishes_when_its_serving_is_removed(
    server: ModelServer, tmp_path: Path
) -> None:
    idle = StandardServing("apps", "idle", "idle")
    ports = server.serve([ModelMeshServing("apps", ("one",)), idle])
    port = ports["apps", None].rest
    client = open_infer(port, "one")
    assert server.serve([]) == {}
    assert not accepts(port)
    # The removal is over for whoever has nothing in flight.
    eventually(lambda: f"port {ports[idle.key].rest} drained" in (tmp_path / "log").read_text())
    assert f"port {port} drained" not in (tmp_path / "log").read_text()
    assert finish_infer(client).startswith(b"HTTP/1.1 200 ")


def test_a_request_in_flight_finishes_when_the_server_stops(server: ModelServer) -> None:
    port = server.serve([StandardServing("apps", "alone", "one")])["apps", "alone"].rest
    client = open_infer(port, "one")
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    eventually(lambda: not accepts(port))
    assert finish_infer(client).startswith(b"HTTP/1.1 200 ")
    stopping.join(DEADLINE_SECONDS)
    assert server.exit_code == 0


def test_a_call_in_flight_finishes_when_its_serving_is_removed(server: ModelServer) -> None:
    port = server.serve([ModelMeshServing("apps", ("one",))])["apps", None].grpc
    removed = threading.Event()

    def requests() -> Iterator[Any]:
        assert removed.wait(DEADLINE_SECONDS)
        yield protocol.ModelInferRequest(model_name="one")

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        # Calls that wait for a connection are sent in no order.
        grpc.channel_ready_future(channel).result(DEADLINE_SECONDS)
        call = channel.stream_unary(
            INFER,
            request_serializer=protocol.ModelInferRequest.SerializeToString,
            response_deserializer=protocol.ModelInferResponse.FromString,
        ).future(requests(), timeout=DEADLINE_SECONDS)
        # Answered after the headers of the call before it on the same connection were read.
        channel.unary_unary(
            LIVE,
            request_serializer=protocol.ServerLiveRequest.SerializeToString,
            response_deserializer=protocol.ServerLiveResponse.FromString,
        )(protocol.ServerLiveRequest(), timeout=DEADLINE_SECONDS)
        assert server.serve([]) == {}
        eventually(lambda: not accepts(port))
        removed.set()
        assert call.result().model_name == "one"


def test_no_request_fails_while_the_servings_around_it_change(server: ModelServer) -> None:
    port = server.serve([ModelMeshServing("apps", ("one",))])["apps", None].rest
    finished = threading.Event()
    statuses: list[int | httpx.HTTPError] = []

    def load() -> None:
        with httpx.Client(timeout=DEADLINE_SECONDS) as client:
            while not finished.is_set():
                try:
                    answer = client.post(f"http://127.0.0.1:{port}/v2/models/one/infer", content=BODY)
                    statuses.append(answer.status_code)
                except httpx.HTTPError as error:
                    statuses.append(error)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        for change in range(50):
            others = [StandardServing("apps", f"m{change}", "m")]
            server.serve([ModelMeshServing("apps", ("one", f"model-{change}")), *others])
            wait_for_more(statuses)
    finally:
        finished.set()
        loading.join(DEADLINE_SECONDS)
    assert set(statuses) == {200}


def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = """
import pathlib, signal, sys
from meshsplit.local.models.process import ModelServer
from meshsplit.local.models.spec import ModelMeshServing
server = ModelServer.start(pathlib.Path(sys.argv[1]))
ports = server.serve([ModelMeshServing("apps", ("one",))])["apps", None]
print(server.pid, ports.rest, ports.grpc, flush=True)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            assert parent.stdout is not None
            pid, rest, rpc = map(int, parent.stdout.readline().split())
            assert infer(rest, "one") == 200
            assert accepts(rpc)
        finally:
            parent.kill()
        assert parent.wait() == -signal.SIGKILL
        eventually(lambda: not accepts(rest) and not accepts(rpc))
        eventually(lambda: not is_alive(pid))


def test_a_child_that_was_killed_is_told(tmp_path: Path) -> None:
    server = ModelServer.start(tmp_path / "log")
    assert server.exit_code is None
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: server.exit_code == -signal.SIGKILL)
    with pytest.raises(ModelServerError, match=r"ended; see .*log"):
        server.serve([ModelMeshServing("apps", ("one",))])
    server.stop()
    server.stop()


def make_missing(folder: Path, *modules: str) -> None:
    for module in modules:
        text = f'raise ModuleNotFoundError("No module named {module!r}", name={module!r})\n'
        (folder / f"{module}.py").write_text(text)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_missing(tmp_path, "grpc")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelServerError, match=r"extra 'local'.*No module named 'grpc'"):
        ModelServer.start(tmp_path / "log")


def test_the_parents_side_needs_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_missing(tmp_path, "grpc", "starlette", "uvicorn", "uvloop", "httptools")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    blocked = subprocess.run([sys.executable, "-c", "import grpc"], check=False, capture_output=True)
    assert blocked.returncode != 0
    subprocess.run([sys.executable, "-c", "import meshsplit.local.models.process"], check=True)


def test_a_file_in_the_working_folder_shadows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_missing(tmp_path, "json", "grpc", "logging")
    monkeypatch.chdir(tmp_path)
    server = ModelServer.start(tmp_path / "log")
    server.stop()
    assert server.exit_code == 0
