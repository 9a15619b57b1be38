"""DistributedInferenceServices on an API server that refuses, with two controllers, or without their kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshsplit.controller import resources
from meshsplit.local.apiserver.faults import Fault
from support.disvcs import ISVC, NAME, ROUTE, SERVICE, Disvcs
from support.history import recording
from support.kinds import DEFINITIONS
from support.scene import Scene, make_replica, running, serve_embedded
from support.waiting import eventually

WRITTEN = "((services|virtualservices)/|inferenceservices/[^/]*$|distributedinferenceservices/[^/]*/status$)"
"""Paths that the controller writes to; a user and KServe have others."""


@pytest.fixture
def disvcs(scene: Scene) -> Iterator[Disvcs]:
    made = Disvcs(scene)
    yield made
    made.clean()


@pytest.fixture
def faulty_disvcs(faulty: Scene) -> Iterator[Disvcs]:
    made = Disvcs(faulty)
    yield made
    faulty.api.faults.clear()
    made.clean()


def host(scene: Scene, version: int) -> str:
    return f"{NAME}-v{version}.{scene.namespace}.svc.cluster.local"


@pytest.mark.parametrize("code", [409, 429, 500])
def test_a_failure_that_passes_is_no_news(faulty_disvcs: Disvcs, faulty: Scene, code: int) -> None:
    with running(faulty.api):
        faulty_disvcs.create()
        faulty_disvcs.get_ready(1)
        faulty_disvcs.serves(1)
        for method in ("PATCH", "DELETE"):
            where = f"{faulty.namespace}/{WRITTEN}"
            faulty.api.faults.add(Fault(path=where, method=method, code=code, times=1, retry_after=1))
        faulty_disvcs.update("gs://models/iris-2")
        faulty_disvcs.get_ready(2)
        faulty_disvcs.serves(2)
        faulty_disvcs.says("Ready", "True", "Serving")
    told = [event["message"] for event in faulty.events(about=NAME)]
    assert len(told) == len(set(told)), told
    assert not any("fault" in message for message in told)


def test_a_route_that_cannot_be_written_stays_and_is_told(faulty_disvcs: Disvcs, faulty: Scene) -> None:
    with running(faulty.api):
        faulty_disvcs.create()
        faulty_disvcs.get_ready(1)
        faulty_disvcs.serves(1)
        path = f"{faulty.namespace}/virtualservices"
        faulty.api.faults.add(Fault(path=path, method="PATCH", code=403, times=0))
        faulty_disvcs.update("gs://models/iris-2")
        faulty_disvcs.get_ready(2)
        faulty_disvcs.says("Ready", "False", "WriteFailed")
        assert faulty_disvcs.routed == host(faulty, 1)
        assert faulty_disvcs.names(ISVC) == [f"{NAME}-v1-0", f"{NAME}-v2-0"]
        assert faulty_disvcs.status["currentVersion"] == 1
        assert faulty_disvcs.status["address"]["url"] == f"http://{host(faulty, 1)}"
        faulty.api.faults.clear()
        faulty_disvcs.serves(2)
        faulty_disvcs.says("Ready", "True", "Serving")


def test_a_refused_replica_is_told_and_the_version_before_it_serves(
    faulty_disvcs: Disvcs, faulty: Scene
) -> None:
    with running(faulty.api):
        faulty_disvcs.create()
        faulty_disvcs.get_ready(1)
        faulty_disvcs.serves(1)
        path = f"{faulty.namespace}/inferenceservices/{NAME}-v2-0"
        faulty.api.faults.add(Fault(path=path, method="PATCH", code=422, times=0))
        faulty_disvcs.update("gs://models/iris-2")
        faulty_disvcs.says("Ready", "False", "Rejected")
        assert faulty_disvcs.routed == host(faulty, 1)
        faulty_disvcs.update("gs://models/iris")
        faulty_disvcs.says("Ready", "True", "Serving")
        faulty_disvcs.serves(1)


def test_a_death_in_the_middle_of_an_update_is_no_end_of_it(disvcs: Disvcs, scene: Scene) -> None:
    first, second = (make_replica(scene) for _ in range(2))
    first.start()
    eventually(lambda: first.is_leader, "the first one leads")
    second.start()
    try:
        disvcs.create()
        disvcs.get_ready(1)
        disvcs.serves(1)
        with recording(scene) as history:
            disvcs.update("gs://models/iris-2")
            disvcs.has(ISVC, f"{NAME}-v2-0")
            first.stop()
            eventually(lambda: second.is_leader, "the other one leads")
            assert disvcs.routed == host(scene, 1)
            disvcs.get_ready(2)
            disvcs.serves(2)
            disvcs.has_only(SERVICE, NAME, f"{NAME}-v2")
        assert history.deletions(NAME) == 0
        flips = [body["spec"]["http"][0]["route"][0]["destination"]["host"] for body in history.of(NAME)]
        assert set(flips) == {host(scene, 2)}
        assert second.failure is None
    finally:
        first.stop()
        second.stop()
    told = [event["message"] for event in scene.events(about=NAME)]
    assert len(told) == len(set(told)), told


def test_a_service_of_somebody_elses_is_left_alone_and_said(disvcs: Disvcs, scene: Scene) -> None:
    own = scene.put(SERVICE, f"{NAME}-v1", {"ports": [{"port": 1}], "selector": {"app": "own"}})
    with running(scene.api):
        disvcs.create()
        disvcs.get_ready(1)
        disvcs.says("Ready", "False", "NameTaken")
        assert disvcs.names(ROUTE) == []
        found = scene.find(SERVICE, f"{NAME}-v1")
        assert found is not None
        assert found["metadata"]["resourceVersion"] == own["metadata"]["resourceVersion"]
    scene.remove(SERVICE, f"{NAME}-v1")
    with running(scene.api):
        disvcs.serves(1)
        disvcs.says("Ready", "True", "Serving")


def test_without_its_kind_the_rest_works(tmp_path: Path) -> None:
    with serve_embedded(tmp_path) as api:
        scene = Scene(api)
        name = f"{resources.DISVCS.plural}.{resources.DISVCS.group}"
        scene.user.delete(DEFINITIONS, name)
        scene.pair()
        with running(api) as manager:
            assert manager.why_not_ready() is None
            scene.says("Ready", "True", "Steady")
            assert manager.failure is None
