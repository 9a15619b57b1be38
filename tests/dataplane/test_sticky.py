"""Sticky sessions on a real Envoy: exact shares, one member a client and step, moves one way only."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from scipy.stats import binomtest

from meshsplit.affinity import BucketAffinity, BucketCookie, CookieHash
from meshsplit.istio.destinationrule import make_destination_rule
from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.rules import check_object
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.local.gateway import Gateway
from meshsplit.local.mesh import Endpoint, Service, ServicePort, to_mesh
from meshsplit.model import (
    DestinationRulePlan,
    Diversion,
    Group,
    GroupKey,
    MatchKind,
    RestStrategy,
    Shadow,
    StringMatch,
)
from meshsplit.model import Endpoint as Address
from support.clients import Answer, Client, ask_all, ask_alone, echo_servers
from support.istio import (
    API_VERSION,
    LOOP,
    MODEL_MESH,
    make_group,
    make_own_routing,
    make_routing,
    make_split,
    model_mesh,
    standard,
)

CONTRIB = Path(__file__).parents[2] / "config" / "contrib" / "sticky-header.yaml"
MANY, SOME = 1_000, 250
UNLIKELY = 1e-6
UP = (5, 10, 20, 50, 100)
DOWN = (50, 20, 10, 5, 0)
COOKIE = BucketAffinity(cookie=BucketCookie("meshsplit-g", 3600))
HEADER = BucketAffinity(header="x-client-id")
BOTH = replace(COOKIE, header="x-client-id")
SHARED = "/modelmesh/ns/v2/models/g/infer"
OWN = "/v2/models/g/infer"
OWN_HOST = "g-ns.example.com"
GRPC_METHOD = "/inference.GRPCInferenceService/ModelInfer"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway.start(tmp_path_factory.mktemp("sticky"), 0, propagation_seconds=0.1) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with echo_servers("mesh", "a", "a-2", "b", "b-2") as ports:
        yield ports


def make_service(host: str, *ports: int, number: int = 80, http2: bool = False) -> Service:
    endpoints = tuple(Endpoint("127.0.0.1", port, {}) for port in ports)
    return Service(host, (ServicePort(number, http2, endpoints),))


def predictor(name: str) -> str:
    return f"{name}-predictor.ns.svc.cluster.local"


def write(group: Group, canary: int, **beside: Any) -> dict[str, Any]:
    """The VirtualService of a group whose member b, the canary, has this percentage."""
    body = make_virtual_service(
        make_group_plan(group, make_split({"a": 100 - canary, "b": canary}), **beside), API_VERSION
    )
    assert check_object(body) == ()
    return body


def mesh_group(affinity: BucketAffinity, rest: RestStrategy = RestStrategy.SINGLE_HOP) -> Group:
    group = make_group(model_mesh("a"), model_mesh("b"), routing=make_routing(rest=rest), stable="a")
    return replace(group, affinity=affinity)


def own_group(affinity: BucketAffinity, served: str | None = None) -> Group:
    members = (standard("a", served), standard("b", served))
    return replace(make_group(*members, routing=make_own_routing(), stable="a"), affinity=affinity)


def by_path(answer: Answer) -> str:
    """The member that ModelMesh is asked for, by the path."""
    found = re.fullmatch("/v2/models/(.)/infer", answer.path)
    assert found is not None, answer
    return found[1]


def by_server(answer: Answer) -> str:
    assert answer.status == 200, answer
    return answer.server


def uuids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def jars(count: int) -> list[Client]:
    return [Client() for _ in range(count)]


def named(count: int) -> list[Client]:
    """Clients that keep no cookies and send an id, half of them in capitals."""
    ids = [text.upper() if at % 2 else text for at, text in enumerate(uuids(count))]
    return [Client({"x-client-id": text}, keeps_cookies=False) for text in ids]


def mixed(count: int) -> list[Client]:
    """Half keep cookies, half send an id."""
    return [*jars(count // 2), *named(count - count // 2)]


def assert_share(members: Sequence[str], canary: int) -> None:
    """By the exact test: with so few on one side chi-square rejects ten times as often as it says."""
    count = members.count("b")
    assert set(members) <= {"a", "b"}
    assert binomtest(count, len(members), canary / 100).pvalue > UNLIKELY, (count, len(members), canary)


def assert_walk(percents: Sequence[int], see: Callable[[int], list[str]]) -> None:
    """What clients see of each step: its share, and only moves that the step has to make.

    `see` puts a step into effect, and returns the member that every client sees, the same all step long.
    """
    before: list[str] = []
    last = 0
    for canary in percents:
        members = see(canary)
        assert_share(members, canary)
        leaving = "b" if canary > last else "a"
        for was, now in zip(before, members, strict=True) if before else ():
            assert was == now or (was != leaving and now == leaving), (canary, was, now)
        before, last = members, canary


Case = tuple[Group, Callable[[int], list[Client]], int, str, str, Callable[[Answer], str]]
CASES: dict[str, Case] = {
    "cookie, paths rewritten per member": (mesh_group(COOKIE), jars, MANY, SHARED, "any", by_path),
    "header, paths rewritten per member": (mesh_group(HEADER), named, MANY, SHARED, "any", by_path),
    "both, half of the clients each": (mesh_group(BOTH), mixed, SOME, SHARED, "any", by_path),
    "cookie, through the gateway twice": (
        mesh_group(COOKIE, RestStrategy.LOOPBACK),
        jars,
        SOME,
        SHARED,
        "any",
        by_path,
    ),
    "cookie, a host of its own": (own_group(COOKIE), jars, SOME, OWN, OWN_HOST, by_server),
    "both, plain weights without affinity": (own_group(BOTH, "g"), mixed, SOME, OWN, OWN_HOST, by_server),
}


@pytest.mark.parametrize("case", CASES)
def test_no_client_sees_two_members_inside_a_step_and_a_step_moves_one_way(
    gateway: Gateway, ports: Mapping[str, int], case: str
) -> None:
    group, make_clients, count, path, host, member_of = CASES[case]
    services = [
        make_service(MODEL_MESH, ports["mesh"], number=8008),
        make_service(LOOP.host, gateway.port, number=LOOP.port),
        *(make_service(predictor(name), ports[name]) for name in "ab"),
    ]
    clients = make_clients(count)

    def see(canary: int) -> list[str]:
        gateway.apply(to_mesh([write(group, canary)], services, 80))
        first, second = (
            [member_of(answer) for answer in ask_all(gateway.port, clients, path, host)] for _ in range(2)
        )
        assert first == second
        return first

    assert_walk([*UP, *DOWN], see)


def test_the_first_answer_says_in_a_cookie_which_bucket_it_was(
    gateway: Gateway, ports: Mapping[str, int]
) -> None:
    group = mesh_group(COOKIE)
    services = [make_service(MODEL_MESH, ports["mesh"], number=8008)]
    gateway.apply(to_mesh([write(group, 20)], services, 80))
    clients = jars(200)
    for client, answer in zip(clients, ask_all(gateway.port, clients, SHARED), strict=True):
        (cookie,) = answer.set_cookies
        value = client.cookies["meshsplit-g"]
        assert cookie == f"meshsplit-g={value}; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"
        assert by_path(answer) == ("b" if int(value[:3], 16) <= 0x332 else "a")
    assert all(answer.set_cookies == () for answer in ask_all(gateway.port, clients, SHARED))


def test_at_100_to_0_a_new_client_is_given_a_bucket_and_an_old_one_keeps_its_own(
    gateway: Gateway, ports: Mapping[str, int]
) -> None:
    services = [make_service(MODEL_MESH, ports["mesh"], number=8008)]
    gateway.apply(to_mesh([write(mesh_group(COOKIE), 0)], services, 80))
    clients = [Client(), Client(cookies={"other": "1", "meshsplit-g": "332f"})]
    for _ in range(2):
        answers = ask_all(gateway.port, clients, SHARED)
        assert [by_path(answer) for answer in answers] == ["a", "a"]
    assert clients[1].cookies["meshsplit-g"] == "332f"
    gateway.apply(to_mesh([write(mesh_group(COOKIE), 20)], services, 80))
    given = int(clients[0].cookies["meshsplit-g"][:3], 16)
    seen = [by_path(answer) for answer in ask_all(gateway.port, clients, SHARED)]
    assert seen == ["b" if given <= 0x332 else "a", "b"]


def test_a_header_comes_before_a_cookie_and_what_is_no_bucket_counts_as_nothing(
    gateway: Gateway, ports: Mapping[str, int]
) -> None:
    services = [make_service(MODEL_MESH, ports["mesh"], number=8008)]
    gateway.apply(to_mesh([write(mesh_group(BOTH), 20)], services, 80))
    low, high = "000", "fff"

    def ask(header: str | None, cookie: str | None) -> tuple[str, bool]:
        headers = {} if header is None else {"x-client-id": header}
        client = Client(headers, {} if cookie is None else {"meshsplit-g": cookie})
        (answer,) = ask_all(gateway.port, [client], SHARED)
        return by_path(answer), bool(answer.set_cookies)

    assert ask(low, high) == ("b", False)
    assert ask(high.upper(), low) == ("a", False)
    assert ask(None, low) == ("b", False)
    assert ask("user-17", low) == ("b", False)
    assert ask("user-17", high) == ("a", False)
    for header, cookie in ((None, None), ("user-17", None), ("", "zzz"), (None, '"000"')):
        assert ask(header, cookie)[1], (header, cookie)


@pytest.mark.parametrize("name", ["c" * 253, "a%25+b*$c"])
def test_a_cookie_of_any_legal_name_keeps_a_client(
    gateway: Gateway, ports: Mapping[str, int], name: str
) -> None:
    services = [make_service(MODEL_MESH, ports["mesh"], number=8008)]
    affinity = BucketAffinity(cookie=BucketCookie(name, 60))
    gateway.apply(to_mesh([write(mesh_group(affinity), 50)], services, 80))
    clients = jars(20)
    first, *others = ([by_path(it) for it in ask_all(gateway.port, clients, SHARED)] for _ in range(3))
    assert others == [first, first]
    assert all(set(client.cookies) == {name} for client in clients)


def test_a_diverted_request_is_no_part_of_the_split_and_a_copied_one_is(
    gateway: Gateway, ports: Mapping[str, int]
) -> None:
    testers = Diversion("b", ((("x-tester", StringMatch(MatchKind.EXACT, "yes")),),))
    body = write(own_group(BOTH, "g"), 20, diversion=testers, shadow=Shadow("b", 100))
    assert sum("mirror" in route for route in body["spec"]["http"]) == 6
    services = [make_service(predictor(name), ports[name]) for name in "ab"]
    gateway.apply(to_mesh([body], services, 80))
    always = {"meshsplit-g": "fff"}
    tester, user = Client({"x-tester": "yes", "x-client-id": "fff"}, always), Client(cookies=always)
    fresh = Client({"x-tester": "yes"})
    answers = ask_all(gateway.port, [tester, user, fresh] * 20, OWN, OWN_HOST)
    assert [answer.server for answer in answers] == ["b", "a", "b"] * 20
    assert not any(answer.set_cookies for answer in answers)


def test_a_cookie_for_the_member_and_one_for_the_replica_go_together(
    gateway: Gateway, ports: Mapping[str, int]
) -> None:
    rules = [
        make_destination_rule(
            DestinationRulePlan(name, "ns", predictor(name), CookieHash(f"replica-{name}", 3600)), API_VERSION
        )
        for name in "ab"
    ]
    services = [make_service(predictor(name), ports[name], ports[f"{name}-2"]) for name in "ab"]
    gateway.apply(to_mesh([write(own_group(COOKIE, "g"), 20), *rules], services, 80))
    seen: list[str] = []
    for client in jars(400):
        servers = {answer.server for answer in ask_alone(gateway.port, client, OWN, 3, OWN_HOST)}
        assert len(servers) == 1, servers
        assert set(client.cookies) == {"meshsplit-g", f"replica-{min(servers)[0]}"}
        seen += servers
    assert_share([server[0] for server in seen], 20)
    assert set(seen) == {"a", "a-2", "b", "b-2"}


def merge(target: Any, patch: Any) -> Any:
    """As istiod merges an EnvoyFilter's value into a route."""
    if not isinstance(patch, dict):
        return patch
    return {**target, **{key: merge(target.get(key, {}), value) for key, value in patch.items()}}


def test_the_envoy_filter_for_other_headers_keeps_a_client_where_no_bucket_could(
    gateway: Gateway, ports: Mapping[str, int]
) -> None:
    *rules, envoy_filter = yaml.safe_load_all(CONTRIB.read_text())
    (config_patch,) = envoy_filter["spec"]["configPatches"]
    members = (standard("iris-one", "iris"), standard("iris-two", "iris"))
    routing = make_own_routing(hosts=("iris-iris-apps.example.com",))
    group = replace(make_group(*members, routing=routing), key=GroupKey("iris-apps", "iris"))
    hosts = [rule["spec"]["host"] for rule in rules]
    services = [make_service(host, ports[name]) for host, name in zip(hosts, "ab", strict=True)]
    ends = [Address(host, 80) for host in hosts]
    group = replace(
        group, members=tuple(replace(m, rest=end, grpc=end) for m, end in zip(members, ends, strict=True))
    )
    clients = [Client({"x-user": f"user-{number}"}, keeps_cookies=False) for number in range(SOME)]

    def see(canary: int) -> list[str]:
        split = make_split({"iris-one": 100 - canary, "iris-two": canary})
        body = make_virtual_service(make_group_plan(group, split), API_VERSION)
        mesh = to_mesh([body, *rules], services, 80)
        (host,) = mesh.routes["virtual_hosts"]
        wanted = config_patch["match"]["routeConfiguration"]["vhost"]
        assert (host["name"], [route["name"] for route in host["routes"]]) == (
            wanted["name"],
            [wanted["route"]["name"]],
        )
        patched = {**host, "routes": [merge(host["routes"][0], config_patch["patch"]["value"])]}
        gateway.apply(replace(mesh, routes={**mesh.routes, "virtual_hosts": [patched]}))
        first, second = (
            [by_server(answer) for answer in ask_all(gateway.port, clients, OWN, host["domains"][0])]
            for _ in range(2)
        )
        assert first == second
        return first

    assert_walk((10, 20, 50, 20), see)


@pytest.fixture(scope="module")
def model_port() -> Iterator[int]:
    """The port of a gRPC server that answers with the model it was asked for."""

    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        return str(dict(context.invocation_metadata())["mm-vmodel-id"]).encode()

    _, service, method = GRPC_METHOD.split("/")
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


def call_group(channel: grpc.Channel, *headers: tuple[str, str]) -> tuple[str, str]:
    """The model that answers a call of group g, and the cookie that comes with the answer."""
    infer: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(GRPC_METHOD)
    answer, call = infer.with_call(b"", metadata=(("mm-vmodel-id", "g"), *headers), timeout=20)
    return answer.decode(), str(dict(call.initial_metadata()).get("set-cookie", ""))


def test_calls_of_one_grpc_client_reach_one_model_and_move_one_way(gateway: Gateway, model_port: int) -> None:
    services = [make_service(MODEL_MESH, model_port, number=8033, http2=True)]
    ids = uuids(SOME)
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:

        def see(canary: int) -> list[str]:
            gateway.apply(to_mesh([write(mesh_group(HEADER), canary)], services, 80))
            first, second = (
                [call_group(channel, ("x-client-id", client))[0] for client in ids] for _ in range(2)
            )
            assert first == second
            return first

        assert_walk((10, 50, 20), see)


def test_a_grpc_client_that_returns_the_cookie_stays_too(gateway: Gateway, model_port: int) -> None:
    services = [make_service(MODEL_MESH, model_port, number=8033, http2=True)]
    gateway.apply(to_mesh([write(mesh_group(COOKIE), 50)], services, 80))
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
        for _ in range(20):
            model, given = call_group(channel)
            # HTTP/2 sends each cookie in a field of its own.
            cookies = [("cookie", "a=b"), ("cookie", given.split(";")[0])]
            assert {call_group(channel, *cookies) for _ in range(3)} == {(model, "")}
