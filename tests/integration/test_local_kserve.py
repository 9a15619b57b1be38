"""KServe's stand-in: a model is loaded before it is Ready, and leaves only when it has drained."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshsplit.local.cluster import BACKING, INFERENCE_SERVICES, Cluster
from meshsplit.local.endpoints import read_services
from meshsplit.local.kserve import READY, KServe
from meshsplit.local.models.process import ModelServer, ModelServerError
from meshsplit.local.pods import PROCESS
from meshsplit.model import Settings
from support.cluster import KSERVE, NAMESPACE, get, isvc
from support.waiting import eventually

DRAIN_SECONDS = 60.0
"""What leaves goes on answering for longer than any test takes."""
BRIEF_SECONDS = 1.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    server = ModelServer.start(tmp_path_factory.mktemp("models") / "models.log")
    yield server
    server.stop()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    running = Cluster.start()
    running.ensure_namespace(NAMESPACE)
    yield running
    running.stop()


@pytest.fixture
def kserve(cluster: Cluster, models: ModelServer) -> Iterator[KServe]:
    stand_in = KServe(cluster, models, Settings(), DRAIN_SECONDS)
    yield stand_in
    stand_in.worker.stop()
    models.serve(())


@pytest.fixture
def brief(cluster: Cluster, models: ModelServer) -> Iterator[KServe]:
    """One that lets models drain for a moment only."""
    stand_in = KServe(cluster, models, Settings(), BRIEF_SECONDS)
    yield stand_in
    models.serve(())


def ports_of(cluster: Cluster, service: str, number: int) -> list[int]:
    """The ports of this machine behind a Service's port."""
    found = read_services(*(cluster.list([kind]) for kind in BACKING))
    ports = (port for it in found if it.host.split(".")[0] == service for port in it.ports)
    return [endpoint.port for port in ports if port.number == number for endpoint in port.endpoints]


def port_of(cluster: Cluster, service: str, number: int) -> int | None:
    """The only one; None where there is none."""
    found = ports_of(cluster, service, number)
    assert len(found) < 2
    return found[0] if found else None


def answers(port: int | None, model: str) -> bool:
    assert port is not None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", f"/v2/models/{model}/infer", b'{"inputs": []}')
        answer = connection.getresponse()
        content = json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return answer.status == 200 and content["model_name"] == model


def status_of(cluster: Cluster, name: str) -> dict[str, Any]:
    found = get(cluster, KSERVE, "InferenceService", name)
    return (found or {}).get("status") or {}


def is_ready(cluster: Cluster, name: str) -> str | None:
    conditions = status_of(cluster, name).get("conditions", ())
    return next((each["status"] for each in conditions if each["type"] == "Ready"), None)


def set_ready(cluster: Cluster, name: str, value: str) -> None:
    resource = cluster.resource(KSERVE, "InferenceService")
    patch = {"metadata": {"annotations": {READY: value}}}
    cluster.merge(resource, NAMESPACE, name, patch, "test")


def test_modelmesh_models_share_a_service_and_answer_when_they_are_ready(
    cluster: Cluster, kserve: KServe
) -> None:
    cluster.apply(isvc("one"), "test")
    kserve.worker.start()
    assert is_ready(cluster, "one") == "True"
    assert answers(port_of(cluster, "modelmesh-serving", 8008), "one")
    assert port_of(cluster, "modelmesh-serving", 8033) is not None
    assert status_of(cluster, "one")["modelStatus"]["states"]["activeModelState"] == "Loaded"
    cluster.apply(isvc("two"), "test")
    eventually(lambda: is_ready(cluster, "two") == "True", "two is ready")
    assert answers(port_of(cluster, "modelmesh-serving", 8008), "two")


def test_a_standard_model_has_a_service_of_its_own_and_an_address(cluster: Cluster, kserve: KServe) -> None:
    cluster.apply(isvc("iris", "Standard"), "test")
    kserve.worker.start()
    assert answers(port_of(cluster, "iris-predictor", 80), "iris")
    address = status_of(cluster, "iris")["address"]["url"]
    assert address == f"http://iris-predictor.{NAMESPACE}.svc.cluster.local"


def test_a_model_that_is_told_not_to_load_is_not_ready_until_it_may(cluster: Cluster, kserve: KServe) -> None:
    cluster.apply(isvc("one"), "test")
    cluster.apply(isvc("two", **{READY: "false"}), "test")
    kserve.worker.start()
    assert is_ready(cluster, "two") == "False"
    assert status_of(cluster, "two")["modelStatus"]["states"]["activeModelState"] == "FailedToLoad"
    assert not answers(port_of(cluster, "modelmesh-serving", 8008), "two")
    set_ready(cluster, "two", "true")
    eventually(lambda: is_ready(cluster, "two") == "True", "two is ready")
    assert answers(port_of(cluster, "modelmesh-serving", 8008), "two")


def test_a_deleted_model_leaves_the_endpoints_first_and_stops_when_it_has_drained(
    cluster: Cluster, brief: KServe
) -> None:
    cluster.apply(isvc("iris", "Standard"), "test")
    cluster.apply(isvc("one"), "test")
    assert brief.reconcile() is None
    port = port_of(cluster, "iris-predictor", 80)
    cluster.delete(cluster.resource(KSERVE, "InferenceService"), NAMESPACE, "iris")
    left = brief.reconcile()
    assert left is not None
    assert 0 < left <= BRIEF_SECONDS
    assert port_of(cluster, "iris-predictor", 80) is None
    assert answers(port, "iris")
    eventually(lambda: brief.reconcile() is None, "the end of the drain")
    assert not answers(port, "iris")
    assert answers(port_of(cluster, "modelmesh-serving", 8008), "one")


def test_a_model_that_comes_back_while_it_drains_stays(cluster: Cluster, kserve: KServe) -> None:
    cluster.apply(isvc("one"), "test")
    kserve.reconcile()
    set_ready(cluster, "one", "false")
    assert kserve.reconcile() is not None
    assert is_ready(cluster, "one") == "False"
    assert answers(port_of(cluster, "modelmesh-serving", 8008), "one")
    set_ready(cluster, "one", "true")
    assert kserve.reconcile() is None
    assert is_ready(cluster, "one") == "True"


def test_a_model_that_cannot_be_understood_any_more_goes_on_answering(
    cluster: Cluster, kserve: KServe
) -> None:
    cluster.apply(isvc("one"), "test")
    kserve.reconcile()
    cluster.apply(isvc("one", "Modelmash"), "test")
    assert kserve.reconcile() is None
    assert answers(port_of(cluster, "modelmesh-serving", 8008), "one")


def test_a_second_pass_writes_nothing(cluster: Cluster, kserve: KServe) -> None:
    for body in (isvc("one"), isvc("iris", "Standard"), isvc("two", **{READY: "false"})):
        cluster.apply(body, "test")
    kserve.reconcile()
    before = cluster.list([INFERENCE_SERVICES, *BACKING])
    kserve.reconcile()
    assert cluster.list([INFERENCE_SERVICES, *BACKING]) == before


def test_a_service_that_somebody_deletes_comes_back(cluster: Cluster, kserve: KServe) -> None:
    cluster.apply(isvc("one"), "test")
    kserve.worker.start()
    cluster.delete(cluster.resource("v1", "Service"), NAMESPACE, "modelmesh-serving")
    eventually(lambda: port_of(cluster, "modelmesh-serving", 8008) is not None, "the Service is back")


def test_a_dead_model_server_ends_the_stand_in_with_its_reason(cluster: Cluster, tmp_path: Path) -> None:
    models = ModelServer.start(tmp_path / "models.log")
    stand_in = KServe(cluster, models, Settings(), DRAIN_SECONDS)
    os.kill(models.pid, signal.SIGKILL)
    cluster.apply(isvc("one"), "test")
    with pytest.raises(ModelServerError, match=r"models\.log"):
        stand_in.worker.start()
    stand_in.worker.stop()
    models.stop()


def replica(name: str, group: str, **model: Any) -> dict[str, Any]:
    """An InferenceService as a DistributedInferenceService has one."""
    body = isvc(name, "RawDeployment")
    body["metadata"]["labels"] = {"disvc": "iris", "disvc.group": group}
    body["spec"]["predictor"]["model"] |= {"args": ["--model_name=iris"], **model}
    return body


def service(name: str, selector: dict[str, str], target: int | str = 8080) -> dict[str, Any]:
    """A Service that somebody writes."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": target}]},
    }


def test_a_service_leads_to_the_pods_that_it_selects(cluster: Cluster, kserve: KServe) -> None:
    for body in (replica("iris-v1-0", "iris-v1"), replica("iris-v1-1", "iris-v1"), isvc("one")):
        cluster.apply(body, "test")
    cluster.apply(service("iris-v1", {"disvc.group": "iris-v1"}), "test")
    kserve.worker.start()
    both = ports_of(cluster, "iris-v1", 80)
    assert len(both) == 2
    assert all(answers(port, "iris") for port in both)
    assert both == [port_of(cluster, f"iris-v1-{number}-predictor", 80) for number in (0, 1)]
    cluster.apply(service("iris", {"disvc": "iris"}), "test")
    eventually(lambda: ports_of(cluster, "iris", 80) == both, "the endpoints of a younger Service")
    cluster.delete(cluster.resource(KSERVE, "InferenceService"), NAMESPACE, "iris-v1-0")
    eventually(lambda: ports_of(cluster, "iris-v1", 80) == both[1:], "one endpoint less")
    assert ports_of(cluster, "iris", 80) == both[1:]
    assert answers(both[0], "iris")
    cluster.delete(cluster.resource("v1", "Service"), NAMESPACE, "iris-v1")
    eventually(
        lambda: get(cluster, "discovery.k8s.io/v1", "EndpointSlice", "iris-v1-iris-v1-1-predictor") is None,
        "the slices have gone with their Service",
    )


def test_a_pod_has_kserves_labels_and_those_of_its_inference_service(
    cluster: Cluster, kserve: KServe
) -> None:
    cluster.apply(replica("iris-v1-0", "iris-v1"), "test")
    kserve.reconcile()
    pod = get(cluster, "v1", "Pod", "iris-v1-0-predictor")
    assert pod is not None
    expected = {
        "app": "isvc.iris-v1-0-predictor",
        "component": "predictor",
        "serving.kserve.io/inferenceservice": "iris-v1-0",
        "disvc": "iris",
        "disvc.group": "iris-v1",
    }
    assert expected.items() <= pod["metadata"]["labels"].items()
    assert [port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]] == [8080, 8081]
    assert pod["status"]["conditions"] == [{"type": "Ready", "status": "True"}]


def test_grpc_is_behind_8081_and_behind_a_declared_port(cluster: Cluster, kserve: KServe) -> None:
    cluster.apply(replica("a", "v1", ports=[{"containerPort": 9000, "name": "h2c"}]), "test")
    targets: dict[str, int | str] = {
        "by-number": 8081,
        "declared": 9000,
        "by-name": "h2c",
        "rest": 8080,
        "nowhere": 7,
    }
    for name, target in targets.items():
        cluster.apply(service(name, {"disvc.group": "v1"}, target), "test")
    kserve.reconcile()
    by_number = port_of(cluster, "by-number", 80)
    assert not answers(by_number, "iris")
    assert port_of(cluster, "declared", 80) == port_of(cluster, "by-name", 80) == by_number
    assert port_of(cluster, "a-predictor", 80) == by_number
    assert answers(port_of(cluster, "rest", 80), "iris")
    assert port_of(cluster, "nowhere", 80) is None


def test_a_server_that_is_killed_is_started_anew_like_a_container(cluster: Cluster, kserve: KServe) -> None:
    cluster.apply(replica("iris-v1-0", "iris-v1"), "test")
    cluster.apply(service("iris-v1", {"disvc.group": "iris-v1"}), "test")
    kserve.worker.start()
    before = port_of(cluster, "iris-v1", 80)
    pod = get(cluster, "v1", "Pod", "iris-v1-0-predictor")
    assert pod is not None
    os.kill(int(pod["metadata"]["annotations"][PROCESS]), signal.SIGKILL)
    eventually(lambda: port_of(cluster, "iris-v1", 80) not in (before, None), "another server")
    assert answers(port_of(cluster, "iris-v1", 80), "iris")
