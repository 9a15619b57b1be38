"""A real Envoy in front of tiny real servers."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.virtualservice import make_virtual_service as write_virtual_service
from meshsplit.local.gateway import Gateway, GatewayError, GatewayRejected, MissingExtra, PortInUse
from meshsplit.local.mesh import Endpoint, MeshConfig, Service, ServicePort, to_mesh
from meshsplit.model import Diversion, MatchKind, Shadow, StringMatch
from support.istio import make_group, make_own_routing, make_split, standard
from support.ports import free_port
from support.processes import is_alive
from support.prometheus import serving
from support.waiting import eventually

DEADLINE_SECONDS = 20.0
# Five standard deviations: a right gateway fails one run in a million.
SIGMAS = 5
GRPC_METHOD = "/test.Models/Infer"
INOTIFY_INSTANCES = 128  # of a user, by Linux's default


class Echo(BaseHTTPRequestHandler):
    """Answers with the server's name and what it was asked."""

    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm a kept-alive request waits 40 ms for the peer's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        name = ""
        if isinstance(self.server, EchoServer):
            name = self.server.name
            self.server.hosts_asked.append(headers.get("host", ""))
        seen = {"server": name, "path": self.path, "headers": headers}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class EchoServer(ThreadingHTTPServer):
    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.name = name
        self.hosts_asked: list[str] = []

    @property
    def service(self) -> Service:
        return make_service(self.name, self.server_port)


@contextmanager
def grpc_server() -> Iterator[int]:
    """The port of a server that answers every call with the model it was asked for."""

    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        metadata = dict(context.invocation_metadata())
        return str(metadata["mm-vmodel-id"]).encode()

    _, service, method = GRPC_METHOD.split("/")
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method: grpc.unary_unary_rpc_method_handler(answer)
    }
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def make_service(name: str, *ports: int, http2: bool = False) -> Service:
    endpoints = tuple(Endpoint("127.0.0.1", port, {}) for port in ports)
    return Service(f"{name}.ns.svc.cluster.local", (ServicePort(80, http2, endpoints),))


def echo_server(name: str) -> AbstractContextManager[EchoServer]:
    return serving(EchoServer(name))


@pytest.fixture
def one() -> Iterator[EchoServer]:
    with echo_server("one") as server:
        yield server


@pytest.fixture
def two() -> Iterator[EchoServer]:
    with echo_server("two") as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway.start(tmp_path, 0, propagation_seconds=0.2) as gateway:
        yield gateway


def to(service: str, **fields: Any) -> dict[str, Any]:
    return {"route": [{"destination": {"host": service, "port": {"number": 80}}}], **fields}


def make_mesh(
    routes: list[dict[str, Any]], *services: Service, hosts: tuple[str, ...] = ("*",)
) -> MeshConfig:
    return to_mesh([make_virtual_service(routes, hosts)], services, 80)


def make_virtual_service(routes: list[dict[str, Any]], hosts: tuple[str, ...] = ("*",)) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "routes", "namespace": "ns"},
        "spec": {"hosts": list(hosts), "gateways": ["istio-system/ingress"], "http": routes},
    }


class Caller:
    """One kept-alive connection to the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._connection = HTTPConnection("127.0.0.1", gateway.port, timeout=DEADLINE_SECONDS)

    def get(self, path: str = "/", **headers: str) -> tuple[int, Any]:
        wire = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, headers=wire)
        response = self._connection.getresponse()
        content = response.read()
        is_echo = response.status == 200
        return response.status, json.loads(content) if is_echo else content.decode()

    def server(self, **headers: str) -> str:
        status, seen = self.get("/", **headers)
        assert status == 200, seen
        return str(seen["server"])

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def caller(gateway: Gateway) -> Iterator[Caller]:
    caller = Caller(gateway)
    yield caller
    caller.close()


def test_a_new_gateway_answers_404(caller: Caller) -> None:
    assert caller.get("/")[0] == 404


def plan_aside(diversion: Diversion | None = None, shadow: Shadow | None = None) -> dict[str, Any]:
    """A group of members one and two on a host of its own, all of whose traffic one gets."""
    group = make_group(
        standard("one", "g"), standard("two", "g"), routing=make_own_routing(hosts=("g.example.com",))
    )
    plan = make_group_plan(group, make_split({"one": 100, "two": 0}), diversion, shadow)
    return write_virtual_service(plan, "networking.istio.io/v1")


def predictors(*servers: EchoServer) -> list[Service]:
    return [make_service(f"{server.name}-predictor", server.server_port) for server in servers]


def test_a_preview_header_reaches_the_member_without_weight(
    gateway: Gateway, caller: Caller, one: EchoServer, two: EchoServer
) -> None:
    header = (("x-meshsplit-preview", StringMatch(MatchKind.EXACT, "g")),)
    gateway.apply(to_mesh([plan_aside(Diversion("two", (header,)))], predictors(one, two), 80))
    for path in ("/v2/models/g/infer", "/v1/models/g:predict", "/openai/v1/completions"):
        assert caller.get(path, host="g.example.com")[1]["server"] == "one"
        status, seen = caller.get(path, host="g.example.com", x_meshsplit_preview="g")
        assert (status, seen["server"], seen["path"]) == (200, "two", path)
        assert caller.get(path, host="g.example.com", x_meshsplit_preview="other")[1]["server"] == "one"


def test_a_shadow_gets_copies_and_callers_only_the_answers_of_the_other(
    gateway: Gateway, caller: Caller, one: EchoServer, two: EchoServer
) -> None:
    gateway.apply(to_mesh([plan_aside(shadow=Shadow("two", 100))], predictors(one, two), 80))
    for _ in range(20):
        assert caller.get("/v2/models/g/infer", host="g.example.com")[1]["server"] == "one"
    eventually(lambda: len(two.hosts_asked) == 20)
    assert len(one.hosts_asked) == 20


def test_routes_rewrite_and_keep_the_rest(
    gateway: Gateway, caller: Caller, one: EchoServer, two: EchoServer
) -> None:
    routes = [
        to(
            "two",
            match=[{"uri": {"prefix": "/group/"}}],
            rewrite={"uri": "/member/", "authority": "two.example"},
        ),
        to(
            "one",
            match=[{"headers": {"x-pick": {"exact": "one"}}}],
            headers={"request": {"set": {"x-a": "1"}}},
        ),
    ]
    gateway.apply(make_mesh(routes, one.service, two.service))

    status, seen = caller.get("/group/infer?q=1")
    assert (status, seen["server"], seen["path"]) == (200, "two", "/member/infer?q=1")
    assert seen["headers"]["host"] == "two.example"
    status, seen = caller.get("/any", x_pick="one")
    assert (status, seen["server"], seen["headers"]["x-a"]) == (200, "one", "1")
    assert caller.get("/any")[0] == 404


def test_a_host_of_its_own_whatever_port_the_caller_names(
    gateway: Gateway, caller: Caller, one: EchoServer
) -> None:
    gateway.apply(make_mesh([to("one")], one.service, hosts=("own.example.com",)))
    assert caller.get("/", host="own.example.com")[0] == 200
    assert caller.get("/", host="OWN.example.com:8080")[0] == 200
    assert caller.get("/", host="other.example.com")[0] == 404


def test_unknown_destination_and_no_endpoints_answer_503(gateway: Gateway, caller: Caller) -> None:
    routes = [to("nobody", match=[{"uri": {"exact": "/nobody"}}]), to("empty")]
    gateway.apply(make_mesh(routes, make_service("empty")))
    assert caller.get("/nobody")[0] == 503
    assert caller.get("/empty")[0] == 503


def test_weights_split_and_set_headers(gateway: Gateway, caller: Caller, one: EchoServer) -> None:
    shares = [("a", 80), ("b", 20)]
    destinations = [
        {
            "destination": {"host": "one", "port": {"number": 80}},
            "weight": weight,
            "headers": {"request": {"set": {"mm-vmodel-id": name}}},
        }
        for name, weight in shares
    ]
    gateway.apply(make_mesh([{"route": destinations}], one.service))
    requests = 2000
    seen = Counter(caller.get("/", mm_vmodel_id="b")[1]["headers"]["mm-vmodel-id"] for _ in range(requests))
    assert set(seen) == {"a", "b"}
    assert_share(seen["b"], requests, 0.2)


def assert_share(count: int, requests: int, share: float) -> None:
    deviation = (requests * share * (1 - share)) ** 0.5
    assert abs(count - requests * share) < SIGMAS * deviation


def test_a_callers_own_request_id_picks_no_bucket(
    gateway: Gateway, caller: Caller, one: EchoServer, two: EchoServer
) -> None:
    bucket = {"headers": {"x-request-id": {"regex": "(?:[0-2]|3[0-2]|33[0-2]).*"}}}
    gateway.apply(make_mesh([to("two", match=[bucket]), to("one")], one.service, two.service))
    forged = "00000000-0000-4000-8000-000000000000"
    requests = 2000
    servers: Counter[str] = Counter()
    ids = set()
    for index in range(requests):
        # A private address in X-Forwarded-For must not make the caller an internal one.
        spoofed = {"x_request_id": forged, **({"x_forwarded_for": "10.0.0.1"} if index % 2 else {})}
        _, seen = caller.get("/", **spoofed)
        servers[seen["server"]] += 1
        ids.add(seen["headers"]["x-request-id"])
    assert forged not in ids
    assert len(ids) == requests
    assert_share(servers["two"], requests, 0.2)


def test_every_request_after_an_apply_is_routed_by_it(
    gateway: Gateway, caller: Caller, one: EchoServer, two: EchoServer
) -> None:
    for index in range(60):
        server = (one, two)[index % 2]
        gateway.apply(make_mesh([to(server.name)], server.service))
        assert caller.server() == server.name


def test_moved_endpoints_are_followed(
    gateway: Gateway, caller: Caller, one: EchoServer, two: EchoServer
) -> None:
    for server in (one, two, one):
        gateway.apply(make_mesh([to("moving")], make_service("moving", server.server_port)))
        assert caller.server() == server.name


class Load:
    """Callers that never pause; every answer is counted by server, everything else by what it was."""

    def __init__(self, gateway: Gateway, callers: int) -> None:
        self.seen: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._gateway = gateway
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(callers)]

    def _call(self) -> None:
        caller = Caller(self._gateway)
        while not self._stop.is_set():
            try:
                status, seen = caller.get("/")
            except OSError as error:
                self.failed[repr(error)] += 1
                continue
            if status == 200:
                self.seen[seen["server"]] += 1
            else:
                self.failed[f"{status} {seen}"] += 1
        caller.close()

    def has_seen_more(self, server: str, than: int) -> bool:
        return self.seen[server] > than

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_no_request_fails_while_routes_clusters_and_endpoints_change(
    gateway: Gateway, one: EchoServer, two: EchoServer
) -> None:
    gateway.apply(make_mesh([to("one")], one.service))
    with Load(gateway, callers=4) as load:
        for index in range(60):
            server = (one, two)[index % 2]
            before = load.seen[server.name]
            # Routes alone, new clusters, or one cluster whose endpoints move.
            name = (server.name, f"new-{index}", "moving")[index // 2 % 3]
            gateway.apply(make_mesh([to(name)], make_service(name, server.server_port)))
            eventually(partial(load.has_seen_more, server.name, before))
    assert not load.failed
    assert load.seen["one"] > 0
    assert load.seen["two"] > 0


def clusters_of(gateway: Gateway) -> set[str]:
    connection = HTTPConnection(gateway.admin_url.removeprefix("http://"))
    connection.request("GET", "/clusters?format=json")
    statuses = json.loads(connection.getresponse().read()).get("cluster_statuses", [])
    connection.close()
    return {status["name"] for status in statuses}


@pytest.mark.parametrize(("propagation_seconds", "outlives"), [(3600.0, True), (0.1, False)])
def test_a_cluster_outlives_its_last_route_by_the_propagation_time(
    tmp_path: Path, one: EchoServer, two: EchoServer, propagation_seconds: float, outlives: bool
) -> None:
    first, second = (f"outbound|80||{server.service.host}" for server in (one, two))
    with Gateway.start(tmp_path, 0, propagation_seconds=propagation_seconds) as gateway:
        gateway.apply(make_mesh([to("one")], one.service))
        gateway.apply(make_mesh([to("two")], two.service))
        if outlives:
            assert clusters_of(gateway) == {first, second}
        else:
            eventually(lambda: clusters_of(gateway) == {second})
        gateway.apply(make_mesh([to("one")], one.service))
        with closing(Caller(gateway)) as caller:
            assert caller.server() == "one"


@pytest.mark.parametrize(
    ("routes", "services", "reason"),
    [
        ([to("one", match=[{"uri": {"regex": "("}}])], [], "missing )"),
        (
            [to("named")],
            [
                Service(
                    "named.ns.svc.cluster.local", (ServicePort(80, False, (Endpoint("localhost", 1, {}),)),)
                )
            ],
            "malformed IP address",
        ),
    ],
    ids=["routes", "endpoints"],
)
def test_a_refused_mesh_changes_nothing(
    gateway: Gateway,
    caller: Caller,
    one: EchoServer,
    two: EchoServer,
    routes: list[dict[str, Any]],
    services: list[Service],
    reason: str,
) -> None:
    gateway.apply(make_mesh([to("one")], one.service))
    for _ in range(2):
        with pytest.raises(GatewayRejected) as refusal:
            gateway.apply(make_mesh(routes, two.service, *services))
        assert reason in str(refusal.value)
        assert caller.server() == "one"
    gateway.apply(make_mesh([to("two")], two.service))
    assert caller.server() == "two"


def test_an_envoy_that_ended_is_an_error_not_a_refusal(gateway: Gateway, one: EchoServer) -> None:
    os.kill(gateway.pid, signal.SIGKILL)
    with pytest.raises(GatewayError, match="Envoy has ended") as error:
        gateway.apply(make_mesh([to("one")], one.service))
    assert not isinstance(error.value, GatewayRejected)


def test_more_clusters_than_a_user_may_watch_files(gateway: Gateway, caller: Caller, one: EchoServer) -> None:
    names = [f"model-{index}" for index in range(INOTIFY_INSTANCES + 10)]
    routes = [to(name, match=[{"uri": {"exact": f"/{name}"}}]) for name in names]
    services = [make_service(name, one.server_port) for name in names]
    gateway.apply(make_mesh(routes, *services))
    assert caller.get(f"/{names[-1]}")[0] == 200


def test_grpc_members_are_told_apart_by_a_header(gateway: Gateway) -> None:
    with grpc_server() as port:
        destinations = [
            {
                "destination": {"host": "grpc", "port": {"number": 80}},
                "weight": weight,
                "headers": {"request": {"set": {"mm-vmodel-id": name}}},
            }
            for name, weight in (("a", 80), ("b", 20))
        ]
        match = {
            "method": {"exact": "POST"},
            "headers": {"content-type": {"prefix": "application/grpc"}, "mm-vmodel-id": {"exact": "group"}},
        }
        gateway.apply(
            make_mesh([{"match": [match], "route": destinations}], make_service("grpc", port, http2=True))
        )
        requests = 500
        with grpc.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(GRPC_METHOD)
            seen = Counter(
                call(b"", metadata=(("mm-vmodel-id", "group"),), timeout=DEADLINE_SECONDS).decode()
                for _ in range(requests)
            )
            with pytest.raises(grpc.RpcError) as unknown:
                call(b"", metadata=(("mm-vmodel-id", "a"),), timeout=DEADLINE_SECONDS)
        assert set(seen) == {"a", "b"}
        assert_share(seen["b"], requests, 0.2)
        # Envoy's 404 to a gRPC caller.
        assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_envoy_knows_every_field_of_the_recorded_cases(gateway: Gateway) -> None:
    folder = os.environ.get("MESHSPLIT_ISTIO_CASES")
    if folder is None:
        pytest.skip("MESHSPLIT_ISTIO_CASES names no folder of recorded cases")
    cases = sorted(Path(folder).glob("*/in.yaml"))
    hosts = ("modelmesh-serving", "iris-v1", "iris-v2")
    numbers = ((80, False), (8008, False), (8033, True))
    ports = tuple(ServicePort(number, http2, (Endpoint("127.0.0.1", 9, {}),)) for number, http2 in numbers)
    services = [Service(f"{host}.ns.svc.cluster.local", ports) for host in hosts]
    for case in cases:
        gateway.apply(to_mesh(list(yaml.safe_load_all(case.read_text())), services, 80))
    assert cases


def test_envoy_knows_every_field_that_was_not_recorded(gateway: Gateway, one: EchoServer) -> None:
    retries = {
        "attempts": 1,
        "perTryTimeout": "1m",
        "retryOn": "5xx,503",
        "backoff": "25ms",
        "retryRemoteLocalities": True,
        "retryIgnorePreviousHosts": True,
    }
    absent = {"uri": {"prefix": "/a"}, "withoutHeaders": {"x-a": {}}, "queryParams": {"q": {"regex": "*"}}}
    redirect = {"authority": "a", "scheme": "https", "port": 8443, "redirectCode": 307}
    routes = [
        to("one", match=[absent], retries=retries, mirror={"host": "one"}),
        {"match": [{"uri": {"exact": "/b"}}], "redirect": redirect},
        {"match": [{"uri": {"exact": "/c"}}], "directResponse": {"status": 200, "body": {"bytes": "YQ=="}}},
        to("one", headers={"request": {"set": {"Host": "a"}}, "response": {"remove": ["x-a"]}}),
    ]
    hashes: list[dict[str, Any]] = [
        {"useSourceIp": True, "ringHash": {"minimumRingSize": 9}},
        {"httpQueryParameterName": "user", "maglev": {}},
    ]
    virtual_service = make_virtual_service(routes)
    for hashing in hashes:
        rule = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": "one", "namespace": "ns"},
            "spec": {"host": "one", "trafficPolicy": {"loadBalancer": {"consistentHash": hashing}}},
        }
        gateway.apply(to_mesh([virtual_service, rule], [one.service], 80))


def test_applies_from_several_threads_leave_one_of_them(
    gateway: Gateway, caller: Caller, one: EchoServer, two: EchoServer
) -> None:
    errors: list[BaseException] = []

    def work(server: EchoServer) -> None:
        try:
            for index in range(10):
                route = to(server.name, name=f"route-{index}")
                gateway.apply(make_mesh([route], server.service))
        except BaseException as error:  # noqa: BLE001 - a thread's exception is otherwise lost
            errors.append(error)

    threads = [threading.Thread(target=work, args=(server,)) for server in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert caller.server() in {"one", "two"}


def test_a_busy_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} "):
            Gateway.start(tmp_path / "new", port)
    assert not (tmp_path / "new").exists()


def test_two_gateways_cannot_share_a_port(tmp_path: Path, gateway: Gateway) -> None:
    with pytest.raises(PortInUse):
        Gateway.start(tmp_path / "second", gateway.port)


def test_a_given_port_is_the_one_that_answers(tmp_path: Path) -> None:
    port = free_port()
    with Gateway.start(tmp_path, port) as gateway:
        assert gateway.port == port
        assert gateway.url == f"http://127.0.0.1:{port}"
        with closing(Caller(gateway)) as caller:
            assert caller.get("/")[0] == 404


def test_without_the_extra_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envoy", None)
    with pytest.raises(MissingExtra, match=r"pip install 'meshsplit\[local\]'"):
        Gateway.start(tmp_path / "new", 0)
    assert not (tmp_path / "new").exists()


def test_stop_ends_the_process(tmp_path: Path) -> None:
    gateway = Gateway.start(tmp_path, 0)
    gateway.stop()
    gateway.stop()
    assert not is_alive(gateway.pid)
    with pytest.raises(OSError, match=os.strerror(errno.ECONNREFUSED)):
        Caller(gateway).get("/")


PARENT = """
import sys, threading
from pathlib import Path
from meshsplit.local.gateway import Gateway

def start():
    gateway = Gateway.start(Path(sys.argv[1]), 0)
    print(gateway.pid, flush=True)

# From a thread that ends at once: Envoy must live as long as the process, not as that thread.
thread = threading.Thread(target=start)
thread.start()
thread.join()
print("started", flush=True)
sys.stdin.read()
"""


def test_envoy_dies_with_a_killed_parent_and_not_with_a_thread(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        try:
            assert parent.stdout.readline() == "started\n"
            assert is_alive(pid)
        finally:
            parent.send_signal(signal.SIGKILL)
    try:
        eventually(lambda: not is_alive(pid))
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
