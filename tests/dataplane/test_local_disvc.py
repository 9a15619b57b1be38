"""What a DistributedInferenceService's objects need of the local mesh: a real Envoy, a server a replica."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import replicas
from support.disvc_children import (
    EXTERNAL,
    INTERNAL,
    NAME,
    NAMESPACE,
    Stage,
    make_replica,
    make_route,
    make_rule,
    make_service,
    make_version_service,
    stage,
    version_host,
)
from support.load import ask, constant_load
from support.waiting import eventually

PATH = f"/v2/models/{NAME}/infer"
V1 = [make_replica(1, 0), make_replica(1, 1)]
V2 = [make_replica(2, 0), make_replica(2, 1)]
V1_NAMES = {body["metadata"]["name"] for body in V1}
V2_NAMES = {body["metadata"]["name"] for body in V2}
STABLE = make_service(NAME, {"disvc": NAME})
GRPC_PORT = {"name": "grpc", "port": 80, "targetPort": 8081}


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as running:
        yield running


def serve_v1(local: Stage, *others: dict[str, Any]) -> None:
    """Version 1 behind its route, inside and outside."""
    local.apply(*V1, make_version_service(1), STABLE, make_route(1), *others)
    eventually(lambda: local.is_served(*V1), "version 1 is served")
    for url, host in ((local.session.url, EXTERNAL), (local.session.mesh_url, INTERNAL)):
        eventually(lambda url=url, host=host: ask(url, PATH, {"Host": host})[0] == 200, f"{host} answers")  # type: ignore[misc]


def replica_of(url: str, host: str, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    return replicas.replica_of(url, PATH, host, headers)


def infer(url: str, host: str) -> str:
    return replicas.infer(url, host, NAME)


def answers_grpc(url: str, host: str) -> bool:
    return replicas.answers_grpc(url, host, NAME)


def test_callers_outside_and_inside_reach_every_replica_of_the_version_that_is_routed_to(
    local: Stage,
) -> None:
    serve_v1(local)
    outside = {replica_of(local.session.url, EXTERNAL)[1] for _ in range(40)}
    inside = {replica_of(local.session.mesh_url, INTERNAL)[1] for _ in range(40)}
    assert outside == inside == V1_NAMES


def test_inside_the_mesh_a_service_without_a_route_leads_to_its_own_pods(local: Stage) -> None:
    local.apply(*V1, *V2, make_version_service(1), make_version_service(2))
    eventually(lambda: local.is_served(*V1, *V2), "both versions are served")
    url = local.session.mesh_url
    names = [
        version_host(2),
        f"{NAME}-v2.{NAMESPACE}",
        f"{NAME}-v2.{NAMESPACE}.svc",
        f"{version_host(2)}:80",
    ]
    for host in names:
        eventually(lambda host=host: replica_of(url, host)[0] == 200, f"{host} answers")  # type: ignore[misc]
        assert replica_of(url, host)[1] in V2_NAMES
    assert replica_of(url, version_host(1))[1] in V1_NAMES
    assert ask(url, PATH, {"Host": f"{version_host(2)}:81"})[0] == 404
    assert ask(url, PATH, {"Host": EXTERNAL})[0] == 404
    assert ask(local.session.url, PATH, {"Host": version_host(2)})[0] == 404


def test_a_client_keeps_its_replica_by_cookie_and_clients_spread_over_all(local: Stage) -> None:
    serve_v1(local, make_rule(1, httpCookie={"name": "replica", "path": "/", "ttl": "1h"}))
    for url, host in ((local.session.url, EXTERNAL), (local.session.mesh_url, INTERNAL)):
        eventually(lambda url=url, host=host: replica_of(url, host)[2] != "", "a cookie")  # type: ignore[misc]
        seen = set()
        for client in range(40):
            # Envoy makes the cookie from the connection's addresses: here every client has its own.
            headers = {"Cookie": f"replica={client}"}
            replicas = {replica_of(url, host, headers)[1] for _ in range(3)}
            assert len(replicas) == 1
            seen |= replicas
        assert seen == V1_NAMES


def test_a_new_version_takes_over_under_load_and_the_old_one_goes_and_nothing_fails(local: Stage) -> None:
    rule = {"httpCookie": {"name": "replica", "path": "/", "ttl": "1h"}}
    serve_v1(local, make_rule(1, **rule))
    outside = constant_load(local.session.url, PATH, headers={"Host": EXTERNAL})
    inside = constant_load(local.session.mesh_url, PATH, headers={"Host": INTERNAL})
    with outside as external, inside as internal:
        for load in (external, internal):
            eventually(lambda load=load: load.last(50) and load.last(50) <= V1_NAMES, "version 1")  # type: ignore[misc]
        local.apply(make_version_service(2), make_rule(2, **rule), *V2)
        eventually(lambda: local.is_ready(*V2), "version 2 is ready")
        local.apply(make_route(2))
        for load in (external, internal):
            eventually(lambda load=load: load.last(50) and load.last(50) <= V2_NAMES, "version 2")  # type: ignore[misc]
        local.delete(make_rule(1), make_version_service(1), *V1)
        processes = local.cluster.resource("v1", "Pod")
        eventually(
            lambda: len(local.cluster.list([processes.key])) == len(V2), "the pods of version 1 are gone"
        )
        for load in (external, internal):
            seen = len(load.members)
            eventually(lambda load=load, seen=seen: len(load.members) > seen + 200, "more answers")  # type: ignore[misc]
            assert set(load.members[-200:]) <= V2_NAMES
            assert load.failures == []
    assert local.said == []


def test_a_replica_that_leaves_under_load_fails_nothing(local: Stage) -> None:
    serve_v1(local)
    with constant_load(local.session.url, PATH, headers={"Host": EXTERNAL}) as load:
        eventually(lambda: load.last(100) == V1_NAMES, "both replicas")
        local.delete(V1[0])
        left = {V1[1]["metadata"]["name"]}
        eventually(lambda: load.last(100) == left, "one replica")
        local.apply(V1[0])
        eventually(lambda: load.last(100) == V1_NAMES, "both replicas again")
        assert load.failures == []


def test_a_version_that_is_removed_before_its_route_fails_requests(local: Stage) -> None:
    """The order of the writes is the controller's part: here a wrong one must show."""
    serve_v1(local)
    with constant_load(local.session.url, PATH, headers={"Host": EXTERNAL}) as load:
        local.delete(*V1)
        eventually(lambda: load.failures, "a failure")
    assert load.failures[0].startswith("503")


def test_grpc_goes_through_services_that_say_so(local: Stage) -> None:
    local.apply(*V1, make_version_service(1, GRPC_PORT), make_route(1))
    app_protocol = {"appProtocol": "kubernetes.io/h2c", "port": 80, "targetPort": 8081}
    local.apply(make_service("by-protocol", {"disvc": NAME}, app_protocol))
    local.apply(make_service("unnamed", {"disvc": NAME}, {"port": 80, "targetPort": 8081}))
    eventually(lambda: local.is_ready(*V1), "version 1 is ready")
    gateway, mesh = local.session.url, local.session.mesh_url
    hosts = {EXTERNAL: gateway, INTERNAL: mesh, f"by-protocol.{NAMESPACE}.svc.cluster.local": mesh}
    for host, url in hosts.items():
        eventually(lambda url=url, host=host: answers_grpc(url, host), f"{host} answers")  # type: ignore[misc]
        assert infer(url, host) in V1_NAMES
    assert not answers_grpc(mesh, f"unnamed.{NAMESPACE}.svc.cluster.local")


class TestTheSeedsIngress:
    def read(self, *parts: str) -> dict[str, Any]:
        seeds = os.environ.get("MESHSPLIT_SEEDS")
        if not seeds:
            pytest.skip("MESHSPLIT_SEEDS is not set")
        body: dict[str, Any] = yaml.safe_load(Path(seeds, "disvc-poc", *parts).read_text())
        return body

    def test_flips_from_one_version_to_the_next(self, local: Stage) -> None:
        ingresses = [self.read("rest", f"disvc-ingress-{version}.yaml") for version in (1, 2)]
        services = [self.read("rest", f"disvc-v{version}-svc.yaml") for version in (1, 2)]
        name = "sklearn-v2-iris-rest"
        replicas = [make_replica(1, 0), make_replica(2, 0)]
        for version, body in enumerate(replicas, start=1):
            body["metadata"]["labels"] = {"disvc": name, "disvc.group": f"{name}-v{version}"}
        local.apply(*services, *replicas, ingresses[0])
        host = ingresses[0]["spec"]["rules"][0]["host"]
        served = [body["metadata"]["name"] for body in replicas]
        eventually(lambda: replica_of(local.session.url, host)[1] == served[0], "version 1")
        with constant_load(local.session.url, PATH, headers={"Host": host}) as load:
            local.apply(ingresses[1])
            eventually(lambda: load.last(50) == {served[1]}, "version 2")
        assert load.failures == []
        assert local.said == []

    def test_carries_grpc_although_its_secret_and_its_annotation_are_for_others(self, local: Stage) -> None:
        ingress = self.read("grpc", "disvc-ingress.yaml")
        name = "sklearn-v2-iris-grpc"
        replica = make_replica(1, 0)
        replica["metadata"]["labels"] = {"disvc.group": f"{name}-v1"}
        local.apply(make_service(f"{name}-v1", {"disvc.group": f"{name}-v1"}, GRPC_PORT), replica, ingress)
        host = ingress["spec"]["rules"][0]["host"]
        eventually(lambda: answers_grpc(local.session.url, host), "gRPC through the Ingress")
        assert infer(local.session.url, host) == replica["metadata"]["name"]
