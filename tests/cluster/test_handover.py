"""Two controller processes, a rollout under way: the second goes on where the first stopped."""

import time

import pytest

from support.controller_process import flags, started
from support.fake_prometheus import FakePrometheus, Sample, fake_prometheus, vector
from support.fleet import SPLITS, Body
from support.manifests import make_model_split
from support.scene import Scene
from support.waiting import eventually

RATES = {"mnist-v1": 200.0, "mnist-v2": 20.0}
"""Requests a second of each member; one of fifty fails."""
POD = {"pod": "mm-0", "instance": "mm-0:2112", "job": "models"}


class Counting:
    """The counters of one model server, which go up with the time."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.began = time.time()

    def total(self, member: str) -> int:
        return self.total_at(time.time(), member)

    def total_at(self, at: float, member: str) -> int:
        return 1000 + int(RATES[member] * (at - self.began))

    def answer(self, _query: str) -> tuple[int, bytes]:
        at = time.time()
        samples: list[Sample] = [({**POD, "meshsplit": "modelmesh times"}, f"{at:.3f}")]
        for member in RATES:
            labels = {**POD, "meshsplit": "modelmesh", "namespace": self.namespace, "vModelId": member}
            total = self.total_at(at, member)
            samples += [({**labels, "code": "OK"}, str(total - total // 50))]
            samples += [({**labels, "code": "INTERNAL"}, str(total // 50))]
        return vector(*samples)


def begin(scene: Scene, server: FakePrometheus) -> None:
    """A canary that stays at its first step: to be as sure as is asked takes longer than a test has."""
    scene.add("mnist-v1")
    scene.add("mnist-v2")
    split = make_model_split(
        namespace=scene.namespace,
        modelTag="mnist",
        weightsFrom="Spec",
        members=[{"name": "mnist-v1", "weight": 100}, {"name": "mnist-v2", "weight": 0}],
        stableMember="mnist-v1",
        strategy={"canary": {"stepWeights": [10], "onComplete": "Hold"}},
        analysis={"interval": "1s", "source": {"prometheus": {"address": server.url}}},
    )
    scene.user.create(SPLITS, split)


def status(scene: Scene) -> Body:
    found: Body = (scene.find(SPLITS, "mnist") or {}).get("status") or {}
    return found


def judged(scene: Scene) -> tuple[float, float]:
    """Requests of the canary and of stable that the evidence rests on."""
    evidence = status(scene).get("lastDecision", {}).get("evidence") or [{}]
    return evidence[0].get("requests", 0), evidence[0].get("stableRequests", 0)


def count_until_it_serves(scene: Scene, weights: str, counting: Counting) -> int:
    """Requests of the canary before it had that weight, as late as can be told from outside."""
    totals = [counting.total("mnist-v2")]

    def serves() -> bool:
        total = counting.total("mnist-v2")
        if scene.weights() == weights:
            return True
        totals.append(total)
        return False

    eventually(serves, lambda: f"mnist serves {weights}, not {scene.weights()}")
    return totals[-1]


def test_the_standby_goes_on_with_the_evidence_of_the_leader(scene: Scene) -> None:
    words = (*flags(scene), "--listen", "127.0.0.1:0")
    with fake_prometheus() as server, started(*words) as one, started(*words) as other:
        counting = Counting(scene.namespace)
        server.answer = counting.answer
        begin(scene, server)
        scene.serves("mnist-v1=100,mnist-v2=0")
        eventually(lambda: one.said("leading") or other.said("leading"), "one says that it leads")
        leader, standby = (one, other) if one.said("leading") else (other, one)
        members = [{"name": "mnist-v1", "weight": 0}, {"name": "mnist-v2", "weight": 100}]
        scene.patch(SPLITS, "mnist", {"spec": {"members": members}})
        before = count_until_it_serves(scene, "mnist-v1=90,mnist-v2=10", counting)
        eventually(lambda: judged(scene)[0] > 0, lambda: f"evidence: {status(scene)}")

        assert leader.end() == 130
        kept, rollout = judged(scene), status(scene)["rollout"]["id"]
        eventually(lambda: judged(scene)[0] > kept[0], lambda: f"more evidence than {kept}")
        eventually(lambda: standby.said("leading"), "the standby says that it leads")
        assert status(scene)["rollout"]["id"] == rollout
        assert [each["action"] for each in status(scene)["history"]] == ["Apply", "Start"]
        canary, stable = judged(scene)
        # Ten to one, as they came, and none of them twice.
        assert stable == pytest.approx(10 * canary, rel=0.2)
        assert canary <= counting.total("mnist-v2") - before
        assert standby.end() == 130
    assert scene.weights() == "mnist-v1=90,mnist-v2=10"
