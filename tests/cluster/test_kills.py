"""A controller that dies between any two of its requests, over HTTP; tests/unit has more changes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest

from meshsplit.controller.lead import LeadersWriter
from meshsplit.kube.client import Client
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
class Life:
    """How many writes it lasts; asked before each."""

    left: int
    over: bool = False

    def __call__(self) -> bool:
        if self.left == 0:
            self.over = True
            raise Killed
        self.left -= 1
        return True


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
            life = Life(writes)
            writer = LeadersWriter(client, life)
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
        if not life.over:
            break
    else:
        pytest.fail("there is no end of writes")
    client.close()
