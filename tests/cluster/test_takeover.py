"""A standby whose watches have fallen silent takes over: it goes on from what the leader wrote last."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from meshsplit.api.request import DETAILS, REQUEST
from meshsplit.controller.manager import Manager
from meshsplit.local.apiserver.faults import Fault
from support.fleet import SERVICES, SPLITS, VIRTUAL_SERVICES, Body
from support.history import recording
from support.scene import Scene, make_replica, running
from support.waiting import DEADLINE_SECONDS, eventually

MEMBERS = ("mnist-v1", "mnist-v2")


def leading(scene: Scene) -> AbstractContextManager[Manager]:
    return running(scene.api, leader_election=True, lease_namespace=scene.namespace)


@contextmanager
def half_deaf(scene: Scene) -> Iterator[Manager]:
    """A standby that has seen what is, and hears nothing of models, ModelSplits and routes since.

    What the leader has heard of must be younger than its lists: then its own watches are open.
    """
    for resource in (SERVICES, SPLITS, VIRTUAL_SERVICES):
        scene.api.faults.add(Fault(path=f"^{resource.path()}$", freeze_after=0, times=0))
    standby = make_replica(scene)
    standby.start()
    try:
        eventually(lambda: standby.why_not_ready() is None, "the standby is ready")
        yield standby
    finally:
        standby.stop()


def take_over(scene: Scene, leader: Manager, standby: Manager) -> tuple[Body, Body]:
    """The leader ends its work and goes, the standby looks at everything: the status before and after."""
    scene.work_again(leader)
    before = status(scene)
    leader.stop()
    assert standby.wait_synced(DEADLINE_SECONDS), standby.why_not_ready()
    scene.work_again(standby)
    return before, status(scene)


def status(scene: Scene) -> Body:
    found: Body = (scene.find(SPLITS, "mnist") or {}).get("status") or {}
    return found


def told(scene: Scene) -> Counter[tuple[str, str, str]]:
    """How often each Event was written."""
    events = scene.events()
    return Counter((each["involvedObject"]["name"], each["reason"], each["message"]) for each in events)


def move_to_gateway(scene: Scene, gateway: str) -> None:
    """Change what has nothing to do with the split: whoever writes it writes the split that it knows."""
    scene.annotate_namespace(gateway=gateway)

    def is_there() -> bool:
        return ((scene.route() or {}).get("spec") or {}).get("gateways") == [gateway]

    eventually(is_there, lambda: f"the group is at {gateway}")


def test_a_split_goes_on_as_the_leader_wrote_it_last(faulty: Scene) -> None:
    with leading(faulty) as leader:
        faulty.pair()
        faulty.says("Ready", "True", "Steady")
        with recording(faulty) as history, half_deaf(faulty) as standby:
            faulty.edit("mnist-v1", "60")
            faulty.edit("mnist-v2", "40")
            faulty.serves("mnist-v1=60,mnist-v2=40")
            # Now the last valid split is held, which only the route and the status tell.
            faulty.edit("mnist-v1", "70")
            faulty.says("WeightsValid", "False", "SumNot100")
            move_to_gateway(faulty, f"{faulty.gateway}-2")
            known = told(faulty)
            before, after = take_over(faulty, leader, standby)
            assert (after, told(faulty)) == (before, known)
            move_to_gateway(faulty, f"{faulty.gateway}-3")
    assert history.splits("mnist-splitting") == ["mnist-v1=60,mnist-v2=40"]
    assert set(told(faulty).values()) == {1}


def to_members(*weights: int) -> list[Body]:
    return [{"name": name, "weight": weight} for name, weight in zip(MEMBERS, weights, strict=True)]


def write_canary(scene: Scene) -> None:
    """There is nothing to read its counters from, so nothing moves but by hand."""
    for name in MEMBERS:
        scene.add(name, tag=None)
    spec = {"weightsFrom": "Spec", "members": to_members(100, 0), "stableMember": "mnist-v1"}
    scene.put(SPLITS, "mnist", {**spec, "strategy": {"canary": {"stepWeights": [10, 50]}}})


def promote_one_step(scene: Scene) -> None:
    asked = {
        REQUEST: f"promote/{status(scene)['rollout']['id']}",
        DETAILS: json.dumps({"token": "once", "step": True}),
    }
    scene.patch(SPLITS, "mnist", {"metadata": {"annotations": asked}})


def test_a_rollout_goes_on_at_the_step_that_the_leader_wrote_last(faulty: Scene) -> None:
    with leading(faulty) as leader:
        write_canary(faulty)
        faulty.says("Ready", "True", "Steady")
        faulty.patch(SPLITS, "mnist", {"spec": {"members": to_members(0, 100)}})
        faulty.says("Ready", "True", "Pending")
        with recording(faulty) as history, half_deaf(faulty) as standby:
            promote_one_step(faulty)
            faulty.serves("mnist-v1=90,mnist-v2=10")
            move_to_gateway(faulty, f"{faulty.gateway}-2")
            before, after = take_over(faulty, leader, standby)
            move_to_gateway(faulty, f"{faulty.gateway}-3")
            assert after["rollout"]["id"] == before["rollout"]["id"]
            assert (after["history"], after["members"]) == (before["history"], before["members"])
    assert history.splits("mnist-splitting") == ["mnist-v1=90,mnist-v2=10"]
    assert max(Counter((name, reason) for name, reason, _ in told(faulty).elements()).values()) == 1


def test_nothing_is_worked_on_before_everything_is_read(
    faulty: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with leading(faulty) as leader:
        faulty.pair()
        faulty.says("Ready", "True", "Steady")
        with half_deaf(faulty) as standby:
            # Its watches are silent before this can refuse them: a list is what is refused.
            faulty.api.faults.add(Fault(path=f"^{VIRTUAL_SERVICES.path()}$", method="GET", code=500, times=0))
            leader.stop()
            eventually(lambda: "virtualservices: the API said no: 500" in caplog.text, "it was asked")
            assert standby.is_leader
            assert standby.why_not_ready() is None
            assert not standby.wait_synced(0.0)
            faulty.api.faults.clear()
            assert standby.wait_synced(DEADLINE_SECONDS)
