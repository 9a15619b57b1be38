"""A controller that dies between any two writes: the next one ends where an unharmed one would have."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from meshsplit.controller import resources
from meshsplit.istio import names
from meshsplit.kube.port import Resource
from support.fleet import SERVICES, SPLITS, VIRTUAL_SERVICES, Body
from support.generations import check_generation, last_manager
from support.manifests import (
    GATEWAY,
    MESH,
    MODEL_TAG,
    NAMESPACE,
    PERCENT,
    make_model_split,
    make_pair,
    make_service,
)
from support.offline import Scene
from support.stepwise import Controller
from support.store_api import StoreApi

Change = Callable[[Scene], object]
_MORE_WRITES_THAN_ANY = 40


class Killed(BaseException):
    """As SIGKILL: nothing is cleaned up."""


def edit(name: str, percent: str | None, tag: str | None = "mnist") -> Change:
    body = {"metadata": {"annotations": {PERCENT: percent}, "labels": {MODEL_TAG: tag}}}
    return lambda scene: scene.user.patch(SERVICES, body, name, NAMESPACE)


def both(first: str, second: str) -> Change:
    return in_turn(edit("mnist-v1", first), edit("mnist-v2", second))


def in_turn(*changes: Change) -> Change:
    return lambda scene: [change(scene) for change in changes]


def annotate_namespace(**annotations: str | None) -> Change:
    keys = {"mesh": MESH, "gateway": GATEWAY}
    body = {"metadata": {"annotations": {keys[key]: value for key, value in annotations.items()}}}
    return lambda scene: scene.user.patch(resources.NAMESPACES, body, NAMESPACE)


def delete(resource: Resource, name: str) -> Change:
    return lambda scene: scene.user.delete(resource, name, NAMESPACE)


def patch(resource: Resource, name: str, body: Body) -> Change:
    return lambda scene: scene.user.patch(resource, body, name, NAMESPACE)


def add(name: str, percent: str | None = None, tag: str | None = None) -> Change:
    return lambda scene: scene.user.create(SERVICES, make_service(name, percent, tag))


def put_split(name: str, **spec: Any) -> Change:
    return lambda scene: scene.user.create(SPLITS, make_model_split(name, **spec))


CHANGES: dict[str, Change] = {
    "nothing": lambda _scene: None,
    "both percentages edited": both("60", "40"),
    "one of two edits": edit("mnist-v1", "60"),
    "a member untagged": edit("mnist-v2", "20", None),
    "a member retagged": edit("mnist-v2", "20", "other"),
    "a member deleted": delete(SERVICES, "mnist-v2"),
    "a member added": in_turn(add("mnist-v3", "30", "mnist"), both("60", "10")),
    "all members deleted": in_turn(delete(SERVICES, "mnist-v1"), delete(SERVICES, "mnist-v2")),
    "mesh off": annotate_namespace(mesh="false"),
    "another gateway": annotate_namespace(gateway="istio-system/other"),
    "a model of the group's name": add("mnist"),
    "the mirror taken over": patch(SPLITS, "mnist", {"spec": {"routing": {"timeout": "7s"}}}),
    "a ModelSplit of another name": put_split("own", modelTag="mnist", routing={"timeout": "7s"}),
    "a listed ModelSplit": in_turn(
        put_split("flip", weightsFrom="Spec", members=[{"name": "mnist-v1", "weight": 100}]), both("1", "99")
    ),
    "a strategy, then another target": in_turn(
        put_split(
            "own", modelTag="mnist", stableMember="mnist-v1", strategy={"canary": {"stepWeights": [5]}}
        ),
        both("0", "100"),
    ),
    "routes edited": patch(VIRTUAL_SERVICES, "mnist-splitting", {"spec": {"http": []}}),
    "weights forged": in_turn(
        edit("mnist-v1", "60"),
        patch(
            VIRTUAL_SERVICES,
            "mnist-splitting",
            {"metadata": {"annotations": {names.WEIGHTS: "mnist-v2=100"}}},
        ),
    ),
    "routes deleted": in_turn(edit("mnist-v1", "60"), delete(VIRTUAL_SERVICES, "mnist-splitting")),
}


@cache
def served() -> Scene:
    """A group that serves, and nobody who watches it."""
    scene = Scene().serve(*make_pair())
    del scene.controller
    return scene


def run(change: Change, writes: int) -> tuple[bool, Scene]:
    """Bring a group up, change something, die after so many writes, start again.

    Whether it died, and the cluster once it is quiet.
    """
    scene = copy.deepcopy(served())
    change(scene)
    left = iter(range(writes))

    def die(_verb: str, _resource: Resource, _name: str) -> None:
        if next(left, None) is None:
            raise Killed

    api = StoreApi(scene.store)
    api.before = die
    try:
        Controller(api, scene.clock).start().step()
        died = False
    except Killed:
        died = True
    scene.api = StoreApi(scene.store)
    scene.controller = Controller(scene.api, scene.clock).start()
    scene.controller.settle()
    return died, scene


def state_of(scene: Scene) -> dict[tuple[str, ...], object]:
    """All that counts: routes, what ModelSplits ask for and say, and how often each Event was told."""
    state: dict[tuple[str, ...], object] = {}
    for body in scene.user.routes().values():
        metadata = body["metadata"]
        owners = sorted((owner["kind"], owner["name"]) for owner in metadata.get("ownerReferences", []))
        facts = (metadata.get("labels"), metadata.get("annotations"), owners, body["spec"])
        state["route", metadata["name"]] = facts
    for body in scene.user.all(SPLITS):
        conditions = body["status"]["conditions"]
        said = [(each["type"], each["status"], each["reason"], each["message"]) for each in conditions]
        status = {key: value for key, value in body["status"].items() if key != "conditions"}
        state["split", body["metadata"]["name"]] = (
            body["metadata"].get("labels"),
            body["spec"],
            status,
            said,
        )
    for body in scene.user.all(resources.EVENTS):
        key = ("event", body["reason"], body["involvedObject"]["name"], body["message"])
        state[key] = int(str(state.get(key, 0))) + 1
    return state


@pytest.mark.parametrize("name", CHANGES)
def test_a_kill_at_any_write_changes_nothing_in_the_end(name: str) -> None:
    wanted = state_of(run(CHANGES[name], _MORE_WRITES_THAN_ANY)[1])
    for writes in range(_MORE_WRITES_THAN_ANY):
        died, scene = run(CHANGES[name], writes)
        assert state_of(scene) == wanted, f"killed after {writes} writes"
        for event in scene.api.events("networking.istio.io", "virtualservices"):
            if event.after is not None and last_manager(event.after) == "meshsplit":
                check_generation(event.after)
        if not died:
            return
    pytest.fail("there is no end of writes")
