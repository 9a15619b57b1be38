"""VirtualServices of ours that somebody else changes: put right, gently, and not at the cost of theirs."""

import time

from meshsplit.controller.fights import FIRST_PAUSE_SECONDS, FREE_REPAIRS
from meshsplit.istio import names
from support.fleet import VIRTUAL_SERVICES
from support.generations import check_generation
from support.history import recording
from support.scene import Scene, running
from support.waiting import eventually

ROUTE = "mnist-splitting"
ELSEWHERE = {"spec": {"http": [{"route": [{"destination": {"host": "elsewhere"}}]}]}}


def test_an_edited_virtual_service_is_put_right(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        before = (scene.route() or {})["spec"]
        scene.patch(VIRTUAL_SERVICES, ROUTE, ELSEWHERE)
        eventually(lambda: (scene.route() or {})["spec"] == before, "the routes are what they were")


def test_weights_that_somebody_wrote_into_the_annotation_are_not_believed(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.edit("mnist-v1", "90")
        scene.says("WeightsValid", "False", "SumNot100")
        annotations = {names.WEIGHTS: "mnist-v1=1,mnist-v2=99"}
        scene.patch(VIRTUAL_SERVICES, ROUTE, {"metadata": {"annotations": annotations}})
        scene.serves("mnist-v1=80,mnist-v2=20")
        check_generation(scene.route() or {})


def test_one_that_was_deleted_comes_back_with_what_it_served(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.edit("mnist-v1", "90")
        scene.says("WeightsValid", "False", "SumNot100")
        uid = (scene.route() or {})["metadata"]["uid"]
        scene.remove(VIRTUAL_SERVICES, ROUTE)
        eventually(lambda: _uid(scene) not in (None, uid), "there is a new one")
        assert scene.weights() == "mnist-v1=80,mnist-v2=20"


def test_labels_and_annotations_of_others_survive_every_write(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        own = {"labels": {"team": "b"}, "annotations": {"example.com/owner": "me"}}
        scene.patch(VIRTUAL_SERVICES, ROUTE, {"metadata": own})
        scene.edit("mnist-v1", "30")
        scene.edit("mnist-v2", "70")
        scene.serves("mnist-v1=30,mnist-v2=70")
        metadata = (scene.route() or {})["metadata"]
        assert metadata["labels"]["team"] == "b"
        assert metadata["annotations"]["example.com/owner"] == "me"


def test_an_edit_of_something_else_writes_nothing(scene: Scene) -> None:
    scene.pair()
    with running(scene.api) as manager:
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")
        version = (scene.route() or {})["metadata"]["resourceVersion"]
        scene.patch(VIRTUAL_SERVICES, ROUTE, {"metadata": {"labels": {"team": "b"}}})
        labelled = (scene.route() or {})["metadata"]["resourceVersion"]
        scene.work_again(manager)
        assert (scene.route() or {})["metadata"]["resourceVersion"] == labelled != version


def test_a_tool_that_writes_its_own_weights_again_and_again_is_repaired_without_a_race(scene: Scene) -> None:
    scene.pair()
    with recording(scene) as history, running(scene.api) as manager:
        scene.serves("mnist-v1=80,mnist-v2=20")
        good = (scene.route() or {})["spec"]
        last_free_one = 0.0
        for _ in range(FREE_REPAIRS):
            last_free_one = time.monotonic()
            scene.patch(VIRTUAL_SERVICES, ROUTE, ELSEWHERE)
            eventually(lambda: (scene.route() or {})["spec"] == good, "it is put right at once")
        scene.patch(VIRTUAL_SERVICES, ROUTE, ELSEWHERE)
        for _ in range(5):
            scene.work_again(manager)
        eventually(lambda: (scene.route() or {})["spec"] == good, "the next repair comes")
        assert time.monotonic() - last_free_one >= FIRST_PAUSE_SECONDS, "it has waited"
    writes = [body for body in history.of(ROUTE) if body["spec"] == good]
    # The first one, the repairs at once, and the one that waited.
    assert len(writes) == 1 + FREE_REPAIRS + 1


def _uid(scene: Scene) -> str | None:
    route = scene.route()
    return None if route is None else str(route["metadata"]["uid"])
