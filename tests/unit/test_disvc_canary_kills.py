"""The same while one walks from version to version: by a ModelSplit, which the other part of it works on."""

import copy
import json
from collections.abc import Callable
from functools import cache

import pytest

from meshsplit.api.request import DETAILS, REQUEST
from support.disvcs import NAME, make_template
from support.fleet import VIRTUAL_SERVICES, Body
from support.generations import split_of
from support.manifests import NAMESPACE
from support.stepdisvc import ISVC, ROUTE, SERVICE, SPLIT, DisvcController, World
from support.store_api import StoreApi

CANARY = {"type": "Canary", "canary": {"stepWeights": [10, 50]}}
"""There is nothing to read its counters from, so nothing moves but by hand."""
SPLITTING = f"{NAME}-splitting"
_MOST_STEPS = 60
_STILL = 3
"""Rounds without a write after which nothing more is to come."""

Change = Callable[[World], object]


def settle(world: World) -> None:
    """Let a process work, whole as it is, until all that is left is to wait for somebody."""
    controller = DisvcController(world)
    controller.look()
    controller.step()
    controller.around.start()
    still = 0
    for _ in range(_MOST_STEPS):
        before = world.store.version
        world.kserve()
        controller.step()
        controller.around.step()
        still = still + 1 if world.store.version == before else 0
        if still == _STILL:
            return
        world.clock.advance(2.0)
    raise AssertionError(f"it does not come to rest: {world.api.writes[-20:]}")


def weights(world: World) -> dict[str, int]:
    """What is sent to each Service: by the route itself, or by the one that it asks."""
    route = world.user.get(ROUTE, NAME, NAMESPACE)
    if "delegate" not in route["spec"]["http"][0]:
        return {world.routed_by(route): 100}
    asked: Body = world.user.get(VIRTUAL_SERVICES, SPLITTING, NAMESPACE)
    pairs = (each.split("=") for each in str(split_of(asked)).split(","))
    return {name: int(weight) for name, weight in pairs}


def check(world: World) -> None:
    """Whatever gets requests is there and has a replica that answers."""
    services, replicas = world.names(SERVICE), world.names(ISVC)
    for group, weight in weights(world).items():
        if weight:
            assert group in services, f"{group} gets {weight}"
            answering = [name for name in replicas if name.startswith(f"{group}-") and world.is_ready(name)]
            assert answering, f"{group} gets {weight} and does not answer"


def request(action: str, **details: object) -> Change:
    """What `meshsplit promote` and its kin write."""

    def change(world: World) -> None:
        split = world.user.get(SPLIT, NAME, NAMESPACE)
        told = json.dumps({"token": f"{action}-{len(details)}", **details})
        asked = {REQUEST: f"{action}/{split['status']['rollout']['id']}", DETAILS: told}
        world.user.patch(SPLIT, {"metadata": {"annotations": asked}}, NAME, NAMESPACE)

    return change


def update(storage: str) -> Change:
    return lambda world: world.edit(inferenceService=make_template(storage))


STEP, PROMOTE, ABORT = request("promote", step=True), request("promote"), request("abort")
ALL_AT_ONCE = {"type": "RollingUpdate", "canary": None}
OUTCOMES: dict[str, tuple[Change, dict[str, int]]] = {
    "promoted": (PROMOTE, {"iris-v2": 100}),
    "given up": (ABORT, {"iris-v1": 100, "iris-v2": 0}),
    "superseded": (update("3"), {"iris-v1": 100, "iris-v3": 0}),
    "back": (update("gs://models/iris"), {"iris-v1": 100}),
    "at once after all": (lambda world: world.edit(deploymentStrategy=ALL_AT_ONCE), {"iris-v2": 100}),
}


@cache
def served() -> World:
    """Version 1, and a ModelSplit with nothing to do."""
    world = World()
    world.create(deploymentStrategy=CANARY, drainSeconds=3)
    settle(world)
    assert weights(world) == {"iris-v1": 100}
    return world


@cache
def halfway() -> World:
    """Version 2 has a tenth."""
    world = copy.deepcopy(served())
    for change in (update("2"), STEP):
        change(world)
        settle(world)
    assert weights(world) == {"iris-v1": 90, "iris-v2": 10}
    return world


def watch(world: World, before: Callable[[], object] = lambda: None) -> None:
    """From now on look at the world before each write."""

    def look(*_write: object) -> None:
        check(world)
        before()

    world.api = StoreApi(world.store, before=look)


def state_of(world: World) -> dict[str, object]:
    status = world.status
    said = {(c["type"], c["status"], c["reason"]) for c in status["conditions"]}
    return {
        "weights": weights(world),
        "names": {kind.kind: world.names(kind) for kind in (ISVC, SERVICE, ROUTE, SPLIT)},
        "phases": world.phases,
        "said": said,
    }


def kill_everywhere(world: World, change: Change) -> None:
    """Change something, and let a process die at any write: another one ends where it would have."""
    moments: list[World] = []
    watch(world, lambda: moments.append(copy.deepcopy(world)))
    change(world)
    settle(world)
    assert moments
    wanted = state_of(world)
    for number, left_behind in enumerate(moments):
        watch(left_behind)
        settle(left_behind)
        assert state_of(left_behind) == wanted, f"killed at write {number}"


def test_a_walk_begins() -> None:
    world = copy.deepcopy(served())
    for change in (update("2"), STEP):
        kill_everywhere(world, change)
    assert weights(world) == {"iris-v1": 90, "iris-v2": 10}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_walk_ends(outcome: str) -> None:
    (change, wanted), world = OUTCOMES[outcome], copy.deepcopy(halfway())
    kill_everywhere(world, change)
    assert weights(world) == wanted
    assert sorted(world.phases) == sorted(int(group.removeprefix("iris-v")) for group in wanted)
