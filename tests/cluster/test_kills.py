"""A controller that dies between any two of its requests, over HTTP; tests/unit has more changes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from meshsplit.kube.client import Client
from meshsplit.kube.port import Resource
from support.fleet import SERVICES, SPLITS
from support.generations import check_generation
from support.history import recording
from support.scene import Scene
from support.stepwise import Controller
from support.store_api import Clock

_MORE_WRITES_THAN_ANY = 30


class Killed(BaseException):
    """As SIGKILL: nothing is cleaned up."""


@dataclass
class Mortal:
    """A Writer whose process ends after so many writes; what `died` says."""

    client: Client
    left: int
    died: bool = False

    def apply(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        return self._living().apply(resource, body, force=force)

    def apply_status(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        return self._living().apply_status(resource, body, force=force)

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        return self._living().create(resource, body)

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        return self._living().patch(resource, namespace, name, body)

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        self._living().delete(resource, namespace, name, uid=uid)

    def _living(self) -> Client:
        if self.left == 0:
            self.died = True
            raise Killed
        self.left -= 1
        return self.client


def edit(scene: Scene) -> None:
    scene.edit("mnist-v1", "60")
    scene.edit("mnist-v2", "40")


def lose_a_member(scene: Scene) -> None:
    scene.remove(SERVICES, "mnist-v2")


def take_over(scene: Scene) -> None:
    scene.put(SPLITS, "own", {"modelTag": "mnist", "routing": {"timeout": "7s"}})


@pytest.mark.parametrize(
    ("change", "weights"),
    [
        (edit, "mnist-v1=60,mnist-v2=40"),
        (lose_a_member, "mnist-v1=100"),
        (take_over, "mnist-v1=80,mnist-v2=20"),
    ],
)
def test_what_one_began_the_next_ends(scene: Scene, change: Callable[[Scene], None], weights: str) -> None:
    client = Client(scene.api.configuration)
    for writes in range(_MORE_WRITES_THAN_ANY):
        scene.pair()
        Controller(client, Clock(), namespace=scene.namespace).start().step()
        assert scene.weights() == "mnist-v1=80,mnist-v2=20"
        with recording(scene) as history:
            change(scene)
            writer = Mortal(client, writes)
            with suppress(Killed):
                Controller(client, Clock(), namespace=scene.namespace, writer=writer).start().step()
            after = Controller(client, Clock(), namespace=scene.namespace).start()
            after.step()
        assert after.errors == []
        assert scene.weights() == weights
        assert history.deletions("mnist-splitting") == 0
        for body in history.of("mnist-splitting"):
            check_generation(body)
        events = scene.events("WeightChanged")
        told = [(event["involvedObject"]["name"], event["message"]) for event in events]
        assert len(told) == len(set(told)), told
        scene.empty()
        if not writer.died:
            break
    else:
        pytest.fail("there is no end of writes")
    client.close()
