"""A DistributedInferenceService whose next version is walked to: by a ModelSplit that people steer."""

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from meshsplit.cli.main import cli
from support.disvcs import ISVC, NAME, ROUTE, RULE, SERVICE, SPLIT, Disvcs
from support.scene import Scene, running
from support.waiting import eventually

CANARY = {"type": "Canary", "canary": {"stepWeights": [10, 50]}}
"""There is nothing to read its counters from, so nothing moves but by hand."""


@pytest.fixture
def disvcs(scene: Scene) -> Iterator[Disvcs]:
    made = Disvcs(scene)
    yield made
    made.clean()


def act(scene: Scene, *words: str) -> str:
    env = {"KUBECONFIG": str(scene.api.kubeconfig), "FORCE_COLOR": "", "NO_COLOR": ""}
    asked = [*words, "-n", scene.namespace, "--yes"]
    result = CliRunner(env=env).invoke(cli, asked, prog_name="meshsplit")
    assert result.exit_code == 0, result.output
    return result.stdout


def delegates(disvcs: Disvcs) -> bool:
    route: dict[str, Any] = disvcs.scene.find(ROUTE, NAME) or {"spec": {"http": [{}]}}
    return "delegate" in route["spec"]["http"][0]


def start(disvcs: Disvcs) -> None:
    """Version 1 serves alone, and version 2 is ready and waits for evidence."""
    disvcs.create(deploymentStrategy=CANARY)
    disvcs.get_ready(1)
    disvcs.serves(1)
    eventually(lambda: delegates(disvcs), "the route asks the ModelSplit")
    assert disvcs.scene.weights(NAME) == "iris-v1=100"
    disvcs.update("gs://models/iris-2")
    disvcs.get_ready(2)
    disvcs.says("Progressing", "True", "Walking")
    disvcs.scene.says("Ready", "True", "Pending", NAME)
    disvcs.scene.serves("iris-v1=100,iris-v2=0", NAME)


def test_a_version_that_is_promoted_serves_and_the_last_one_goes(disvcs: Disvcs, scene: Scene) -> None:
    with running(scene.api):
        start(disvcs)
        act(scene, "promote", NAME, "--step")
        scene.serves("iris-v1=90,iris-v2=10", NAME)
        assert disvcs.status["currentVersion"] == 1
        act(scene, "promote", NAME)
        disvcs.serves(2)
        disvcs.has_only(ISVC, "iris-v2-0")
        disvcs.has_only(SERVICE, "iris", "iris-v2")
        scene.serves("iris-v2=100", NAME)
        assert delegates(disvcs)


def test_a_client_keeps_its_version_by_a_cookie_beside_that_of_its_replica(
    disvcs: Disvcs, scene: Scene
) -> None:
    with running(scene.api):
        disvcs.create(deploymentStrategy=CANARY, replicas=2)
        disvcs.get_ready(1, 0, 1)
        disvcs.serves(1)
        eventually(lambda: delegates(disvcs), "the route asks the ModelSplit")
    rule = scene.find(RULE, "iris-v1") or {}
    cookie = rule["spec"]["trafficPolicy"]["loadBalancer"]["consistentHash"]["httpCookie"]["name"]
    split = scene.find(SPLIT, NAME) or {}
    names = (split["spec"]["sessionAffinity"]["cookie"]["name"], cookie)
    assert names == ("meshsplit-iris-version", "meshsplit-iris")


def test_a_version_that_is_given_up_is_kept_beside_until_another_is_asked_for(
    disvcs: Disvcs, scene: Scene
) -> None:
    with running(scene.api):
        start(disvcs)
        act(scene, "promote", NAME, "--step")
        act(scene, "abort", NAME)
        disvcs.says("Progressing", "False", "RolledBack")
        disvcs.says("Ready", "True", "Serving")
        scene.serves("iris-v1=100,iris-v2=0", NAME)
        disvcs.has_only(ISVC, "iris-v1-0", "iris-v2-0")
        disvcs.update("gs://models/iris-3")
        disvcs.get_ready(3)
        disvcs.has_only(ISVC, "iris-v1-0", "iris-v3-0")
        disvcs.says("Progressing", "True", "Walking")
        scene.serves("iris-v1=100,iris-v3=0", NAME)


def test_a_change_in_the_middle_of_a_walk_takes_all_requests_back_first(disvcs: Disvcs, scene: Scene) -> None:
    with running(scene.api):
        start(disvcs)
        act(scene, "promote", NAME, "--step")
        scene.serves("iris-v1=90,iris-v2=10", NAME)
        disvcs.update("gs://models/iris-3")
        scene.serves("iris-v1=100", NAME)
        disvcs.has_only(ISVC, "iris-v1-0", "iris-v3-0")
        disvcs.get_ready(3)
        scene.serves("iris-v1=100,iris-v3=0", NAME)


def test_another_strategy_takes_the_modelsplit_away_after_the_route_has_left_it(
    disvcs: Disvcs, scene: Scene
) -> None:
    with running(scene.api):
        start(disvcs)
        disvcs.edit(deploymentStrategy={"type": "RollingUpdate", "canary": None})
        disvcs.serves(2)
        assert not delegates(disvcs)
        disvcs.has_only(SPLIT)
        eventually(lambda: scene.weights(NAME) is None, "its VirtualService has gone")
