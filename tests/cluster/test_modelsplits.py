"""ModelSplits: the mirror that the controller keeps, and what changes once a user writes one."""

from pathlib import Path

import pytest

from meshsplit.kube.port import ApiError
from support.fleet import SERVICES, SPLITS, is_mirror
from support.history import recording
from support.kubectl import Kubectl, need_kubectl
from support.scene import Scene, running
from support.waiting import eventually

ROUTE = "mnist-splitting"
OWN = """\
apiVersion: meshsplit.dev/v1alpha1
kind: ModelSplit
metadata: {name: mnist}
spec: {modelTag: mnist, routing: {timeout: 7s}}
"""


@pytest.fixture
def kubectl(scene: Scene, tmp_path: Path) -> Kubectl:
    need_kubectl()
    return Kubectl(scene.api.kubeconfig, tmp_path)


def test_a_tagged_group_gets_a_mirror_that_shows_it(scene: Scene, tmp_path: Path) -> None:
    need_kubectl()
    scene.pair("10", "90")
    with running(scene.api):
        scene.says("Ready", "True", "Steady")
    split = scene.find(SPLITS, "mnist") or {}
    assert is_mirror(split)
    assert split["spec"]["modelTag"] == "mnist"
    status = split["status"]
    assert status["observedGeneration"] == split["metadata"]["generation"]
    assert [(m["name"], m["role"], m["targetWeight"], m["weight"]) for m in status["members"]] == [
        ("mnist-v1", "canary", 10, 10),
        ("mnist-v2", "stable", 90, 90),
    ]
    header, row = Kubectl(scene.api.kubeconfig, tmp_path)(
        "get", "modelsplits", "-n", scene.namespace, "-o", "wide"
    ).splitlines()
    assert header.split()[:8] == [
        "NAME",
        "STRATEGY",
        "READY",
        "STATUS",
        "CANARY",
        "WEIGHT",
        "TARGET",
        "MESSAGE",
    ]
    assert row.split()[:7] == ["mnist", "Static", "True", "Steady", "mnist-v1", "90", "/"]


@pytest.mark.parametrize("way", [["apply"], ["apply", "--server-side"], ["replace"]], ids=" ".join)
def test_a_user_who_writes_over_the_mirror_owns_it_from_then_on(
    scene: Scene, kubectl: Kubectl, way: list[str]
) -> None:
    scene.pair()
    with recording(scene) as history, running(scene.api):
        scene.says("Ready", "True", "Steady")
        kubectl(*way, "-n", scene.namespace, "-f", "-", stdin=OWN)
        eventually(lambda: not is_mirror(scene.find(SPLITS, "mnist") or {}), "the label is gone")
        eventually(lambda: _timeout(scene) == "7s", "the user's own spec counts")
        scene.says("Ready", "True", "Steady")
        kubectl("delete", "msplit", "mnist", "-n", scene.namespace)
        eventually(lambda: is_mirror(scene.find(SPLITS, "mnist") or {"metadata": {}}), "the mirror is back")
        eventually(lambda: _timeout(scene) is None, "and the group is as before")
        scene.says("Ready", "True", "Steady")
    assert history.deletions(ROUTE) == 0


def test_a_users_modelsplit_that_was_there_first_is_no_mirror(scene: Scene, kubectl: Kubectl) -> None:
    kubectl("create", "--save-config", "-n", scene.namespace, "-f", "-", stdin=OWN)
    scene.pair()
    with running(scene.api):
        scene.says("Ready", "True", "Steady")
        assert not is_mirror(scene.find(SPLITS, "mnist") or {})
        assert _timeout(scene) == "7s"
        kubectl("apply", "-n", scene.namespace, "-f", "-", stdin=OWN.replace("7s", "8s"))
        eventually(lambda: _timeout(scene) == "8s", "an edit is followed")


def test_a_users_modelsplit_of_another_name_takes_the_place_of_the_mirror(scene: Scene) -> None:
    scene.pair()
    with recording(scene) as history, running(scene.api):
        scene.says("Ready", "True", "Steady")
        scene.put(SPLITS, "own", {"modelTag": "mnist", "routing": {"timeout": "7s"}})
        eventually(lambda: scene.find(SPLITS, "mnist") is None, "the mirror is gone")
        scene.says("Ready", "True", "Steady", "own")
        assert _timeout(scene) == "7s"
        scene.remove(SPLITS, "own")
        scene.says("Ready", "True", "Steady")
        eventually(lambda: _timeout(scene) is None, "the group is as before")
    assert history.deletions(ROUTE) == 0


def test_weights_in_the_modelsplit_need_no_tags_and_no_annotations(scene: Scene) -> None:
    for name in ("blue", "green"):
        scene.add(name, None, None)
    spec = {
        "weightsFrom": "Spec",
        "members": [{"name": "blue", "weight": 100}, {"name": "green", "weight": 0}],
    }
    scene.put(SPLITS, "scorer", spec)
    with running(scene.api):
        scene.serves("blue=100,green=0", "scorer")
        flipped = [{"name": "blue", "weight": 0}, {"name": "green", "weight": 100}]
        scene.patch(SPLITS, "scorer", {"spec": {"members": flipped}})
        scene.serves("blue=0,green=100", "scorer")
        scene.says("Ready", "True", "Steady", "scorer")
        scene.remove(SERVICES, "green")
        scene.says("Ready", "False", "Invalid", "scorer")
        assert "member green does not exist" in scene.message("Ready", "scorer")
        scene.serves("blue=100", "scorer")
        scene.remove(SPLITS, "scorer")
        scene.serves(None, "scorer")


def test_a_canary_that_nothing_can_be_measured_of_does_not_begin(scene: Scene) -> None:
    scene.pair("100", "0")
    with running(scene.api):
        scene.serves("mnist-v1=100,mnist-v2=0")
        spec = {
            "modelTag": "mnist",
            "stableMember": "mnist-v1",
            "strategy": {"canary": {"stepWeights": [5, 50]}},
        }
        scene.put(SPLITS, "own", spec)
        scene.says("Ready", "True", "Steady", "own")
        scene.edit("mnist-v1", "0")
        scene.edit("mnist-v2", "100")
        scene.says("Ready", "True", "Pending", "own")
        assert scene.weights() == "mnist-v1=100,mnist-v2=0"
        scene.patch(SPLITS, "own", {"spec": {"strategy": None}})
        scene.serves("mnist-v1=0,mnist-v2=100")
        scene.says("Ready", "True", "Steady", "own")


def test_a_modelsplit_that_nobody_is_tagged_for_waits(scene: Scene) -> None:
    scene.put(SPLITS, "mnist", {"modelTag": "mnist"})
    with running(scene.api):
        scene.says("Ready", "False", "NoMembers")
        assert scene.condition("Reconciling") == ("True", "NoMembers")
        assert "(MSP108)" in scene.message("Ready")
        scene.pair()
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")


def test_of_two_modelsplits_for_one_group_the_older_counts(scene: Scene) -> None:
    scene.pair()
    scene.put(SPLITS, "older", {"modelTag": "mnist", "routing": {"timeout": "7s"}})
    scene.next_second()
    scene.put(SPLITS, "a-younger", {"modelTag": "mnist", "routing": {"timeout": "8s"}})
    with running(scene.api):
        scene.says("Ready", "True", "Steady", "older")
        scene.says("Ready", "False", "Refused", "a-younger")
        assert "(MSP204)" in scene.message("Ready", "a-younger")
        assert _timeout(scene) == "7s"
        scene.remove(SPLITS, "older")
        scene.says("Ready", "True", "Steady", "a-younger")
        eventually(lambda: _timeout(scene) == "8s", "the other one counts")


def test_a_modelsplit_that_contradicts_its_group_leaves_what_serves(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.put(SPLITS, "own", {"modelTag": "mnist", "stableMember": "nobody"})
        scene.says("Ready", "False", "Invalid", "own")
        assert scene.condition("Stalled", "own") == ("True", "Invalid")
        assert "(MSP110)" in scene.message("Ready", "own")
        scene.edit("mnist-v1", "10")
        scene.edit("mnist-v2", "90")
        eventually(lambda: _target(scene, "own") == "10 / 90", "the edit was seen")
        assert scene.weights() == "mnist-v1=80,mnist-v2=20"
        scene.patch(SPLITS, "own", {"spec": {"stableMember": "mnist-v1"}})
        scene.serves("mnist-v1=10,mnist-v2=90")


def test_the_api_server_itself_refuses_weights_that_do_not_add_up(scene: Scene) -> None:
    members = [{"name": "blue", "weight": 80}, {"name": "green", "weight": 30}]
    with pytest.raises(ApiError, match="weights add up to 110, want 100"):
        scene.put(SPLITS, "scorer", {"weightsFrom": "Spec", "members": members})


def _target(scene: Scene, name: str) -> str:
    status = (scene.find(SPLITS, name) or {}).get("status") or {}
    return str(status.get("target", ""))


def _timeout(scene: Scene) -> str | None:
    routes = (scene.route() or {}).get("spec", {}).get("http") or [{}]
    (found,) = {route.get("timeout") for route in routes}
    return None if found is None else str(found)
