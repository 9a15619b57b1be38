"""A controller that dies at any write of a canary's walk: the next one goes on as if nothing had been."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from meshsplit.controller.resources import EVENTS
from meshsplit.kube.port import Resource
from support.generations import check_generation, last_manager, split_of
from support.store_api import StoreApi
from support.walks import Walk

MOST_TICKS = 16
GOOD_TICKS = 2
MORE_WRITES_THAN_ANY = 400


class Killed(BaseException):
    """As SIGKILL: nothing is cleaned up."""


@dataclass
class Mortal:
    """A walk whose controller dies before its `left`-th write, once, and is started again at once."""

    walk: Walk
    left: int = MORE_WRITES_THAN_ANY
    died: bool = False
    fails: bool = False
    at: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        api = StoreApi(self.walk.scene.store)
        api.before = self._count
        self.walk.start(api)

    def _count(self, verb: str, resource: Resource, name: str) -> None:
        self.at.append(f"{verb} {resource.plural} {name}")
        self.left -= 1
        if self.left < 0:
            raise Killed

    def run(self, do: Callable[[], object]) -> None:
        """Do something that the controller may die of; then a new one does what is left of it."""
        try:
            do()
        except Killed:
            self.died = True
            self.walk.start()
            self.walk.controller.work()
            self.walk.measure()

    def play(self) -> None:
        """From the edit to the end of the rollout."""
        walk, ticks_at_50 = self.walk, 0
        self.run(walk.go)
        for _ in range(MOST_TICKS):
            ticks_at_50 += walk.weight == 50
            if self.fails and ticks_at_50 > GOOD_TICKS:
                walk.failing[walk.canary] = 0.5
            walk.flow()
            self.run(walk.measure)
        self.run(walk.controller.step)


def facts_of(walk: Walk) -> dict[str, Any]:
    """All that must not depend on who died when: what was done, where it ended, on which evidence."""
    status = walk.status
    done = [
        {key: each[key] for key in ("number", "action", "reason", "weights", "good")}
        for each in status["history"]
    ]
    decision = {key: value for key, value in status["lastDecision"].items() if key != "time"}
    said = {(each["type"], each["status"], each["reason"]) for each in status["conditions"]}
    return {
        "done": done,
        "decision": decision,
        "said": said,
        "phase": walk.phase,
        "routes": routes_of(walk),
        "events": sorted(
            (each["reason"], each["message"])
            for each in walk.scene.user.all(EVENTS)
            if each["involvedObject"]["kind"] == "ModelSplit"
        ),
    }


def routes_of(walk: Walk) -> list[str]:
    """Every split that the gateway was ever told, without repetition."""
    found: list[str] = []
    for event in walk.scene.api.events("networking.istio.io", "virtualservices"):
        if event.after is not None and event.key[1] == "mnist-splitting":
            split = str(split_of(event.after))
            if not found or found[-1] != split:
                found.append(split)
    return found


def check_records(walk: Walk) -> None:
    """No weight moves without a record: whatever a gateway is told is the last one in the status then."""
    splits = walk.scene.api.events("meshsplit.dev", "modelsplits")
    for event in walk.scene.api.events("networking.istio.io", "virtualservices"):
        if event.after is None or event.key[1] != "mnist-splitting":
            continue
        assert last_manager(event.after) == "meshsplit"
        check_generation(event.after)
        known = [each.after for each in splits if each.version < event.version and each.after is not None]
        history = (known[-1].get("status") or {}).get("history", [])
        assert history, "the gateway was told something before anything was on record"
        assert history[-1]["weights"] == str(split_of(event.after))


def play(writes: int = MORE_WRITES_THAN_ANY, *, fails: bool = False) -> Mortal:
    mortal = Mortal(Walk(), writes, fails=fails)
    mortal.play()
    return mortal


@pytest.mark.parametrize("fails", [False, True], ids=["promoted", "rolled back"])
def test_a_kill_at_any_write_changes_nothing(fails: bool) -> None:
    whole = play(fails=fails)
    assert whole.walk.phase == ("RolledBack" if fails else "Promoted")
    wanted = facts_of(whole.walk)
    check_records(whole.walk)
    for writes in range(MORE_WRITES_THAN_ANY):
        mortal = play(writes, fails=fails)
        if not mortal.died:
            assert writes == len(whole.at)
            return
        where = f"killed at write {writes}: {mortal.at[-1]}"
        assert facts_of(mortal.walk) == wanted, where
        check_records(mortal.walk)
    pytest.fail("there is no end of writes")


def test_a_replica_that_takes_over_at_any_read_goes_on_with_the_same_evidence() -> None:
    wanted = facts_of(play().walk)
    walk = Walk()
    walk.go()
    walk.tick_to(10)
    for _ in range(MOST_TICKS):
        walk.start()
        walk.controller.work()
        walk.tick()
    walk.controller.step()
    assert walk.phase == "Promoted"
    assert facts_of(walk) == wanted
    check_records(walk)
