"""KServe's stand-in: a model is loaded before it is Ready, and leaves only when it has drained."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshsplit.local.cluster import INFERENCE_SERVICES, SERVICES, Cluster
from meshsplit.local.kserve import READY, KServe
from meshsplit.local.models.process import ModelServer, ModelServerError
from meshsplit.model import Settings
from support.cluster import KSERVE, NAMESPACE, get, isvc
from support.waiting import eventually

DRAIN_SECONDS = 1.0


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


def port_of(cluster: Cluster, service: str, number: int) -> int | None:
    """The port of this machine behind a Service's port; None without the Service."""
    found = get(cluster, "v1", "Service", service)
    ports = found["spec"]["ports"] if found else ()
    return next((port["targetPort"] for port in ports if port["port"] == number), None)


def answers(port: int | None, model: str) -> bool:
    assert port is not None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", f"/v2/models/{model}/infer", b'{"inputs": []}')
        answer = connection.getresponse()
        content = json.loads(answer.read())
    except OSError:
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


def test_a_deleted_model_and_its_service_stay_until_they_have_drained(
    cluster: Cluster, kserve: KServe
) -> None:
    cluster.apply(isvc("iris", "Standard"), "test")
    cluster.apply(isvc("one"), "test")
    assert kserve.reconcile() is None
    port = port_of(cluster, "iris-predictor", 80)
    cluster.delete(cluster.resource(KSERVE, "InferenceService"), NAMESPACE, "iris")
    left = kserve.reconcile()
    assert left is not None
    assert 0 < left <= DRAIN_SECONDS
    assert answers(port, "iris")
    assert port_of(cluster, "iris-predictor", 80) == port
    eventually(lambda: kserve.reconcile() is None, "the end of the drain")
    assert port_of(cluster, "iris-predictor", 80) is None
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
    before = cluster.list([INFERENCE_SERVICES, SERVICES])
    kserve.reconcile()
    assert cluster.list([INFERENCE_SERVICES, SERVICES]) == before


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
