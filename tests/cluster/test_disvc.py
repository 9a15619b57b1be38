"""A DistributedInferenceService from one version to the next, over HTTP; tests/unit has more changes."""

from collections.abc import Iterator

import pytest

from support.disvcs import ISVC, ROUTE, SERVICE, Disvcs
from support.scene import Scene, running

MINUTE = 60.0


@pytest.fixture
def disvcs(scene: Scene) -> Iterator[Disvcs]:
    made = Disvcs(scene)
    yield made
    made.clean()


def test_the_first_version_is_made_and_serves_once_it_is_ready(disvcs: Disvcs, scene: Scene) -> None:
    with running(scene.api):
        disvcs.create()
        disvcs.has_only(ISVC, "iris-v1-0")
        disvcs.has_only(SERVICE, "iris", "iris-v1")
        disvcs.says("Ready", "False", "NotServing")
        assert "url" not in disvcs.status or disvcs.status["url"] == ""
        assert disvcs.names(ROUTE) == []
        disvcs.get_ready(1)
        disvcs.says("Ready", "True", "Serving")
    status = disvcs.status
    assert status["url"] == f"http://iris-{scene.namespace}.example.com"
    assert status["address"]["url"] == f"http://iris-v1.{scene.namespace}.svc.cluster.local"
    assert (status["replicas"], status["readyReplicas"], status["desiredReplicas"]) == (1, 1, 1)
    assert disvcs.routed == f"iris-v1.{scene.namespace}.svc.cluster.local"


def test_the_next_version_takes_over_once_it_is_ready_and_the_last_one_goes(
    disvcs: Disvcs, scene: Scene
) -> None:
    with running(scene.api):
        disvcs.create()
        disvcs.get_ready(1)
        disvcs.serves(1)
        disvcs.update("gs://models/iris-2")
        disvcs.has_only(ISVC, "iris-v1-0", "iris-v2-0")
        disvcs.says("Progressing", "True", "NewVersion")
        assert disvcs.routed == f"iris-v1.{scene.namespace}.svc.cluster.local"
        disvcs.get_ready(2)
        disvcs.serves(2)
        disvcs.has_only(ISVC, "iris-v2-0")
        disvcs.has_only(SERVICE, "iris", "iris-v2")
    status = disvcs.status
    assert (status["currentVersion"], status["prevVersion"]) == (2, 1)
    assert status["url"] == f"http://iris-{scene.namespace}.example.com"
    assert status["address"]["url"] == f"http://iris-v2.{scene.namespace}.svc.cluster.local"
    assert disvcs.routed == f"iris-v2.{scene.namespace}.svc.cluster.local"
