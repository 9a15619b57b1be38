"""Rollouts as they are: a real Envoy, real models, a real Prometheus, and the controller's own Manager.

Every test has a group of its own in one mesh. Where a test promises that users lose little, the number of
failed requests is printed (`pytest -s`).
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from support.fleet import Body
from support.live_rollouts import CANARY, Stage, Walked, make_split, stage
from support.load import Load, ask, constant_load
from support.prometheus import Prometheus, prometheus, require_prometheus, start
from support.waiting import eventually

pytestmark = pytest.mark.xdist_group("live-rollouts")

ENOUGH = 100
"""Requests in a row that tell where all of them go."""
FLIPS = 4
# What a rollout needs to see something takes some of its intervals.
SECONDS = 60.0
PREVIEW = "x-meshsplit-preview"
PREVIEWED: Body = {
    "autoPromotionEnabled": True,
    "preview": {"headerName": PREVIEW},
    "prePromotionChecks": {"minRequests": 20, "maxErrorPercent": "10", "within": "4s"},
}


def tell(figure: str) -> None:
    """A figure for whoever runs this with -s."""
    sys.stdout.write(f"\n{figure}\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    require_prometheus()
    with prometheus(tmp_path_factory.mktemp("prometheus"), {}) as server:
        yield server


@pytest.fixture(scope="module")
def played(server: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    source: Body = {"prometheus": {"address": server.url}}
    gateway: Body = {"gateway": {}}
    splits = [make_split(name, source, CANARY) for name in ("good", "worse", "outage", "blind")]
    splits += [make_split(name, gateway, CANARY) for name in ("surge", "own-port")]
    splits.append(make_split("flip", gateway, {"blueGreen": {}}))
    splits.append(make_split("preview", source, {"blueGreen": PREVIEWED}))
    with stage(tmp_path_factory.mktemp("mesh"), splits, "own-port") as running:
        running.scrape_with(server)
        yield running


@dataclass
class Ended:
    """A rollout that is over, and what its clients saw until all requests went where it ended."""

    group: Walked
    load: Load

    def say(self, what: str) -> int:
        failed = len(self.load.failures)
        tell(f"{what}: {failed} of {len(self.load.members) + failed} requests failed")
        return failed

    def acts(self) -> list[str]:
        """What was done after the group began."""
        return [act for act, _, _ in self.group.history()][1:]


def walk_all(played: Stage, *names: str) -> dict[str, Ended]:
    """Rollouts of these groups at once, under load from before they begin until after they end."""
    rollouts: dict[str, Ended] = {}
    with ExitStack() as loads:
        for name in names:
            group = played.group(name)
            load = loads.enter_context(constant_load(group.url, group.path, 1, group.headers))
            rollouts[name] = Ended(group, load)
            group.go()
        for each in rollouts.values():
            each.group.wait("Promoted", "RolledBack")
            last = {each.group.canary if each.group.phase() == "Promoted" else each.group.stable}
            eventually(partial(is_all_at, each.load, last), f"all requests to {last}")
    return rollouts


def is_all_at(load: Load, members: set[str]) -> bool:
    return load.last(ENOUGH) == members


def check_promoted(rollout: Ended) -> None:
    assert rollout.say(f"{rollout.group.name}, promoted") == 0
    assert rollout.acts() == ["Start", "Promote"]
    status = rollout.group.status()
    assert status["lastDecision"]["reason"] == "Evidence"
    assert status["lastDecision"]["evidence"][0]["requests"] > 0
    assert rollout.group.condition("Promoted") == ("True", "Promoted")


def check_rolled_back(rollout: Ended) -> None:
    assert rollout.say(f"{rollout.group.name}, rolled back") > 0
    assert rollout.acts() == ["Start", "Rollback"]
    decision = rollout.group.status()["lastDecision"]
    assert decision["reason"] == "Harm"
    shown = decision["evidence"][0]
    tell(f"the canary had failed {shown['errors']} of the {shown['requests']} requests that were judged")
    assert rollout.group.condition("Promoted") == ("False", "RolledBack")
    assert rollout.group.condition("Ready") == ("True", "RolledBack")


def test_good_canaries_are_promoted_and_bad_ones_rolled_back(played: Stage) -> None:
    """Two that are as good as stable, one that fails five times as often, and one that only fails."""
    played.group("worse").fail(stable=0.04, canary=0.2)
    played.group("outage").fail(canary=1.0)
    rollouts = walk_all(played, "good", "own-port", "worse", "outage")
    check_promoted(rollouts["good"])
    check_promoted(rollouts["own-port"])
    check_rolled_back(rollouts["worse"])
    check_rolled_back(rollouts["outage"])


def test_without_prometheus_weights_are_held_and_an_outage_is_seen_at_the_gateway(
    played: Stage, server: Prometheus
) -> None:
    blind, surge = played.group("blind"), played.group("surge")
    with constant_load(blind.url, blind.path, 1), constant_load(surge.url, surge.path, 1) as load:
        blind.go()
        eventually(lambda: len(blind.history()) == 2, "the first step", SECONDS)
        server.stop()
        eventually(
            lambda: blind.condition("MetricsAvailable") == ("False", "SourceUnreachable"),
            lambda: f"a word about it: {blind.condition('MetricsAvailable')}",
            SECONDS,
        )
        held = blind.weights()

        surge.fail(canary=1.0)
        surge.go()
        surge.wait("RolledBack")
        eventually(lambda: load.last(ENOUGH) == {surge.stable}, "all requests to stable")
        assert Ended(surge, load).say("outage seen at the origin, Prometheus down") > 0

        assert (blind.phase(), blind.weights(), len(blind.history())) == ("Progressing", held, 2)
        again = start(server.configuration.parent, {}, port=int(server.url.rsplit(":", 1)[1]))
        server.process = again.process
        played.scrape_with(again)
        blind.wait("Promoted")
    assert [act for act, _, _ in blind.history()][1:] == ["Start", "Promote"]
    assert blind.condition("MetricsAvailable") == ("True", "Answering")


def test_flips_by_hand_lose_no_request(played: Stage) -> None:
    group = played.group("flip")
    sides = [group.canary, group.stable] * (FLIPS // 2)
    with constant_load(group.url, group.path, 2) as load:
        eventually(lambda: load.last(ENOUGH) == {group.stable}, "requests to the first side")
        for number, side in enumerate(sides):
            asked = time.monotonic()
            group.request("flip", json.dumps({"token": str(number), "member": side, "by": "ann"}))
            moved = _wait_for(load, side)
            tell(f"flip to {side}: all requests there {1000 * (moved - asked):.0f} ms after the request")
    assert load.failures == []
    assert [act for act, _, _ in group.history()][1:] == ["Flip"] * FLIPS


def test_a_flip_by_itself_waits_for_good_requests_of_the_preview(played: Stage) -> None:
    group = played.group("preview")
    group.fail(canary=1.0)
    with constant_load(group.url, group.path, 1) as load:
        group.go()
        group.wait("AwaitingPromotion")

        def ask_the_preview() -> str:
            for _ in range(20):
                ask(group.url, group.path, {**group.headers, PREVIEW: group.name})
            return str(group.status()["lastDecision"]["message"])

        eventually(
            lambda: "preview requests failed" in ask_the_preview(), "failures of the new side", SECONDS
        )
        assert load.last(ENOUGH) == {group.stable}
        group.fail(canary=0.0)
        eventually(lambda: ask_the_preview() and group.phase() == "Promoted", ask_the_preview, SECONDS)
        eventually(lambda: load.last(ENOUGH) == {group.canary}, "all requests to the new side")
    assert load.failures == []
    assert group.history()[-1][:2] == ("Flip", "ChecksPassed")


def _wait_for(load: Load, side: str) -> float:
    """When the first of the last `ENOUGH` requests, all of them to `side`, was seen."""
    began = len(load.members)
    seen: dict[int, float] = {}

    def all_there() -> bool:
        seen.setdefault(len(load.members), time.monotonic())
        return load.last(ENOUGH) == {side}

    eventually(all_there, f"all requests to {side}")
    others = [at for at, member in enumerate(load.members[began:], began) if member != side]
    last_other = max(others, default=began - 1) + 1
    return min(at for count, at in seen.items() if count >= last_other)
