"""What else may happen to the second document's objects, on a real Envoy, under load: nothing fails."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from scipy.stats import chisquare

from support.disvc_seed import NAMESPACE, Demo, demo, find_documents, find_file, read_file
from support.kubectl import need_kubectl
from support.load import Load, ask, constant_load
from support.local_mesh import wait_for
from support.replicas import answer_with_cookies, answers_grpc, infer, replica_of

pytestmark = pytest.mark.xdist_group("disvc-changes")

NAME, GRPC = "sklearn-v2-iris-rest", "sklearn-v2-iris-grpc"
EXTERNAL = f"{NAME}-{NAMESPACE}.example.com"
INTERNAL = f"{NAME}.{NAMESPACE}.svc.cluster.local"
PATH = f"/v2/models/{NAME}/infer"
NEVER = "local.meshsplit.dev/ready"
SECONDS = 60.0
CLIENTS = 120
UNLIKELY = 1e-9
"""A ring gives a replica half of the clients only roughly: a right one fails two runs in 10**9."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    need_kubectl()
    find_documents()
    with demo(tmp_path_factory.mktemp("changes")) as running:
        yield running


@pytest.fixture
def served(cluster: Demo) -> Iterator[Demo]:
    """With the document's first version, which drains for a second only."""
    write(cluster, 1)
    serves(cluster, 1)
    for url, host in ((cluster.mesh.url, EXTERNAL), (cluster.mesh.inside, INTERNAL)):
        wait_for(lambda url=url, host=host: ask(url, PATH, {"Host": host})[0] == 200, SECONDS, host)  # type: ignore[misc]
    yield cluster
    cluster.kubectl("delete", "disvc", NAME)
    wait_for(lambda: cluster.names("isvc,svc,vs,dr,ingress") == [], SECONDS, "nothing is left")


def write(cluster: Demo, version: int, annotations: dict[str, str] | None = None, **spec: Any) -> None:
    """The document's YAML with another version in its annotation."""
    body = read_file("rest/disvc-1.yaml")
    body["spec"] |= {
        "annotations": {"version": f"v{version}", **(annotations or {})},
        "drainSeconds": 1,
        **spec,
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(body))


def edit(cluster: Demo, **spec: Any) -> None:
    cluster.kubectl("patch", "disvc", NAME, "--type=merge", "-p", json.dumps({"spec": spec}))


def serves(cluster: Demo, version: int) -> None:
    """Wait until that version serves and no other one has anything."""
    wait_for(
        lambda: cluster.status(NAME, "versions[*]['version','phase']") == f"{version} Serving",
        SECONDS,
        f"only version {version} serves",
    )


def replicas(version: int, count: int) -> set[str]:
    return {f"{NAME}-v{version}-{index}" for index in range(count)}


@contextmanager
def loads(cluster: Demo) -> Iterator[tuple[Load, Load]]:
    """Clients outside and inside; none of their requests may fail."""
    with ExitStack() as both:
        found = [
            both.enter_context(constant_load(url, PATH, 2, {"Host": host}))
            for url, host in ((cluster.mesh.url, EXTERNAL), (cluster.mesh.inside, INTERNAL))
        ]
        yield found[0], found[1]
        for load in found:
            more(load)
            assert load.failures == []


def more(load: Load) -> None:
    seen = len(load.members)
    wait_for(lambda: len(load.members) > seen + 100, SECONDS, "more answers")


def reach(found: tuple[Load, Load], names: set[str]) -> None:
    """Wait until both get their answers from these, and from no other."""
    for load in found:
        wait_for(lambda load=load: load.last(60) == names, SECONDS, f"{names}")  # type: ignore[misc]


def test_a_third_version_supersedes_one_that_never_served(served: Demo) -> None:
    with loads(served) as found:
        reach(found, replicas(1, 1))
        write(served, 2, {NEVER: "false"})
        wait_for(lambda: f"{NAME}-v2-0" in served.names("isvc"), SECONDS, "version 2 is begun")
        write(served, 3)
        serves(served, 3)
        reach(found, replicas(3, 1))
        assert served.names("isvc") == [f"{NAME}-v3-0"]
        for load in found:
            assert set(load.members) == replicas(1, 1) | replicas(3, 1)
    assert served.status(NAME, "url") == f"http://{EXTERNAL}"
    assert served.status(NAME, "address.url") == f"http://{NAME}-v3.{NAMESPACE}.svc.cluster.local"


def test_of_two_replicas_a_client_keeps_one_and_clients_use_both(served: Demo) -> None:
    with loads(served) as found:
        served.kubectl("scale", "disvc", NAME, "--replicas=2")
        wait_for(lambda: served.status(NAME, "readyReplicas") == "2", SECONDS, "two replicas")
        assert served.names("dr") == [f"{NAME}-v1"]
        assert_sticky(served, 1)
        edit(served, annotations={"version": "v2"})
        serves(served, 2)
        assert served.names("isvc") == sorted(replicas(2, 2))
        assert_sticky(served, 2)
        edit(served, replicas=1)
        wait_for(lambda: served.names("isvc") == [f"{NAME}-v2-0"], SECONDS, "one replica")
        reach(found, replicas(2, 1))


def assert_sticky(cluster: Demo, version: int) -> None:
    """A client is given a cookie and stays; all clients together use both replicas alike."""
    for url, host in ((cluster.mesh.url, EXTERNAL), (cluster.mesh.inside, INTERNAL)):
        wait_for(lambda url=url, host=host: replica_of(url, PATH, host)[2] != "", SECONDS, "a cookie")  # type: ignore[misc]
        wait_for(
            lambda url=url, host=host: {by(url, host, n)[0] for n in range(30)} == replicas(version, 2),  # type: ignore[misc]
            SECONDS,
            f"both replicas of version {version} at {host}",
        )
        status, replica, cookie = replica_of(url, PATH, host)
        assert (status, cookie.partition("=")[0]) == (200, f"meshsplit-{NAME}")
        assert {replica_of(url, PATH, host, {"Cookie": cookie}) for _ in range(5)} == {(200, replica, "")}
        # Envoy makes a cookie from a connection's addresses: here every client has its own.
        seen = [by(url, host, client) for client in range(CLIENTS)]
        assert all(len(of_one) == 1 for of_one in map(set, seen))
        counts = Counter(first for first, *_ in seen)
        assert counts.keys() == replicas(version, 2)
        assert chisquare(list(counts.values())).pvalue > UNLIKELY, counts


def by(url: str, host: str, client: int) -> tuple[str, str]:
    """The replicas that answer two requests of a client, each on a connection of its own."""
    headers = {"Cookie": f"meshsplit-{NAME}={client}"}
    first, second = (replica_of(url, PATH, host, headers)[1] for _ in range(2))
    return first, second


def test_a_walk_between_versions_fails_nobody_and_every_client_sees_one_replica(served: Demo) -> None:
    canary = {"type": "Canary", "canary": {"stepWeights": [50]}}
    edit(served, replicas=2, deploymentStrategy=canary)
    wait_for(lambda: served.status(NAME, "readyReplicas") == "2", SECONDS, "two replicas")
    wait_for(lambda: f"{NAME}-splitting" in served.names("vs"), SECONDS, "a route that can be split")
    with loads(served) as found:
        edit(served, annotations={"version": "v2"})
        wait_for(lambda: walks(served), SECONDS, "version 2 is walked to")
        reach_versions(found, 1)
        promote(served, step=True)
        reach_versions(found, 1, 2)
        firsts = [keeps(served) for _ in range(CLIENTS)]
        counts = Counter(replica.rpartition("-")[0] for replica in firsts)
        assert len(counts) == 2
        assert chisquare(list(counts.values())).pvalue > UNLIKELY, counts
        promote(served)
        serves(served, 2)
        reach_versions(found, 2)
    assert served.status(NAME, "prevVersion") == "1"


def reach_versions(found: tuple[Load, Load], *versions: int) -> None:
    """Wait until both get their answers from these versions, by whatever replica."""
    names = {f"{NAME}-v{version}" for version in versions}
    for load in found:
        wait_for(
            lambda load=load: {name.rpartition("-")[0] for name in load.last(60)} == names,  # type: ignore[misc]
            SECONDS,
            f"{names}",
        )


def walks(cluster: Demo) -> bool:
    reason = "conditions[?(@.type=='Progressing')].reason"
    weights = cluster.kubectl("get", "msplit", NAME, "-o", "jsonpath={.status.members[*].weight}")
    return cluster.status(NAME, reason) == "Walking" and sorted(weights.split()) == ["0", "100"]


def promote(cluster: Demo, step: bool = False) -> None:
    rollout = cluster.kubectl("get", "msplit", NAME, "-o", "jsonpath={.status.rollout.id}")
    details = json.dumps({"step": step, "token": f"step-{step}"})
    cluster.kubectl(
        *("annotate", "--overwrite", "msplit", NAME, f"meshsplit.dev/request=promote/{rollout}"),
        f"meshsplit.dev/request-details={details}",
    )


def keeps(cluster: Demo) -> str:
    """The one replica that answers a client that comes again with what it was given."""
    jar: dict[str, str] = {}
    seen = set()
    for _ in range(3):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
        replica, given = answer_with_cookies(cluster.mesh.url, PATH, EXTERNAL, headers)
        jar |= given
        seen.add(replica)
    assert set(jar) == {f"meshsplit-{NAME}", f"meshsplit-{NAME}-version"}
    assert len(seen) == 1, seen
    return seen.pop()


def test_another_exposure_fails_nobody(served: Demo) -> None:
    with loads(served) as found:
        reach(found, replicas(1, 1))
        edit(served, exposure="Ingress")
        wait_for(
            lambda: served.names("ingress") == [NAME] and served.names("vs") == [], SECONDS, "an Ingress"
        )
        for load in found:
            more(load)
        write(served, 2, exposure="Ingress")
        serves(served, 2)
        for load in found:
            more(load)
        edit(served, exposure="VirtualService")
        wait_for(lambda: served.names("vs") == [NAME] and served.names("ingress") == [], SECONDS, "a route")
        reach(found, replicas(2, 1))


def test_the_documents_grpc_service_answers_outside_and_inside(cluster: Demo) -> None:
    cluster.kubectl("create", "-f", str(find_file("grpc/disvc.yaml")))
    hosts = {
        f"{GRPC}-{NAMESPACE}.example.com": cluster.mesh.url,
        f"{GRPC}.{NAMESPACE}.svc.cluster.local": cluster.mesh.inside,
        f"{GRPC}-v1.{NAMESPACE}.svc.cluster.local": cluster.mesh.inside,
    }
    for host, url in hosts.items():
        wait_for(lambda url=url, host=host: answers_grpc(url, host, GRPC), SECONDS, f"{host} answers")  # type: ignore[misc]
        assert infer(url, host, GRPC) == f"{GRPC}-v1-0"
    cluster.kubectl("delete", "disvc", GRPC)
