"""A controller of DistributedInferenceServices that dies before any one write: the next one ends the work.

Until then, whatever a route names is there and answers.
"""

import copy
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from meshsplit.kube.port import Resource
from support.disvcs import NAME, make_template
from support.manifests import NAMESPACE
from support.stepdisvc import INGRESS, ISVC, ROUTE, SERVICE, World
from support.store_api import StoreApi

Change = Callable[[World], object]
LATER = 7.0
"""Seconds until another process takes over."""


def check(world: World, routed_always: bool) -> None:
    """What a route names is there and has a replica that answers; there is a route, if there is to be one."""
    routes = [route for kind in (ROUTE, INGRESS) if (route := world.user.find(kind, NAME, NAMESPACE))]
    if routed_always:
        assert routes, "there is no route any more"
    for route in routes:
        group = world.routed_by(route)
        assert group in world.names(SERVICE), f"{route['kind']} names {group}"
        replicas = [name for name in world.names(ISVC) if name.startswith(f"{group}-")]
        assert any(map(world.is_ready, replicas)), f"{group} is routed to and does not answer"
    if not routed_always:
        versions = {name.rpartition("-")[0] for name in world.names(ISVC)}
        assert len(versions) <= 1, f"{versions} are there at one time"


def edit(**spec: Any) -> Change:
    return lambda world: world.edit(**spec)


def update(storage: str) -> Change:
    return edit(inferenceService=make_template(storage))


def hold(*names: str) -> Change:
    """These get ready no more, all others do."""

    def change(world: World) -> None:
        world.ready = lambda name: name not in names

    return change


def lose(resource: Resource, name: str) -> Change:
    return lambda world: world.user.delete(resource, name, NAMESPACE)


def at_once(*changes: Change) -> Change:
    return lambda world: [change(world) for change in changes]


RECREATE = edit(deploymentStrategy={"type": "Recreate"})
IN_PLACES = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
SCRIPTS: dict[str, Sequence[Change]] = {
    "one version after the other": (update("2"), update("3")),
    "a version that never serves": (at_once(hold("iris-v2-0"), update("2")), update("3")),
    "back before the switch": (
        at_once(hold("iris-v2-0"), update("2")),
        at_once(hold(), update("gs://models/iris")),
    ),
    "as room allows": (edit(deploymentStrategy=IN_PLACES), update("2")),
    "up, down, up": (edit(replicas=3), edit(replicas=1), edit(replicas=2)),
    "more replicas of another version": (edit(replicas=3, inferenceService=make_template("2")),),
    "exposed by the other kind and back": (edit(exposure="Ingress"), edit(exposure="VirtualService")),
    "another kind and another version": (edit(exposure="Ingress", inferenceService=make_template("2")),),
    "sticky by a header, then not": (
        edit(sessionAffinity={"header": "x-user"}),
        edit(sessionAffinity={"none": True, "header": None}),
    ),
    "a replica and a Service deleted": (
        lose(ISVC, "iris-v1-1"),
        lose(SERVICE, "iris"),
    ),
    "recreated": (at_once(RECREATE, update("2")), update("3")),
}


@cache
def served() -> World:
    """Version 1 with two replicas, and nobody who watches it."""
    world = World()
    world.create(replicas=2, drainSeconds=3)
    world.settle()
    return world


def watch(world: World, routed_always: bool, before: Callable[[], object] = lambda: None) -> None:
    """From now on look at the world before each write, as a client would find it."""

    def look(_verb: str, _resource: Resource, _name: str) -> None:
        check(world, routed_always)
        before()

    world.api = StoreApi(world.store, before=look)


def play(world: World, change: Change, routed_always: bool) -> list[World]:
    """Change something and let it come to rest; the world as it was before each write."""
    moments: list[World] = []
    watch(world, routed_always, lambda: moments.append(copy.deepcopy(world)))
    change(world)
    world.settle()
    return moments


def state_of(world: World) -> dict[str, object]:
    """All that counts: the objects, what is said, and what was told."""
    status = world.status
    conditions = [(c["type"], c["status"], c["reason"], c["message"]) for c in status["conditions"]]
    said = {key: status[key] for key in ("currentVersion", "lastVersion", "replicas", "url", "address")}
    return {"objects": world.objects(), "phases": world.phases, "told": world.told(), **said, "c": conditions}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_kill_at_any_write_fails_nobody_and_changes_nothing_in_the_end(name: str) -> None:
    world, routed_always = copy.deepcopy(served()), name != "recreated"
    for change in SCRIPTS[name]:
        moments = play(world, change, routed_always)
        assert moments
        wanted = state_of(world)
        check(world, routed_always=True)
        for number, left_behind in enumerate(moments):
            watch(left_behind, routed_always)
            left_behind.clock.advance(LATER)
            left_behind.settle()  # another process
            assert state_of(left_behind) == wanted, f"killed at write {number}"
