"""Rollouts as they are: a real Envoy, real model servers, a real Prometheus, and the controller's own Manager.

Every test has a group of its own in one mesh. Where a test promises that users lose little, the number of
failed requests is printed (`pytest -s`).
"""

from collections.abc import Iterator

import pytest

from support.live_rollouts import CANARY, Stage, make_split, stage
from support.load import Load, constant_load
from support.prometheus import Prometheus, prometheus, require_prometheus, start
from support.waiting import eventually

pytestmark = pytest.mark.xdist_group("live-rollouts")

BY_PROMETHEUS = ("good", "worse", "outage", "blind")
BY_GATEWAY = "surge"
FLIPPED = "flip"
ENOUGH = 400
"""Requests after which a conclusion about what clients see is allowed."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    require_prometheus()
    with prometheus(tmp_path_factory.mktemp("prometheus"), {}) as server:
        yield server


@pytest.fixture(scope="module")
def played(server: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    source = {"prometheus": {"address": server.url}}
    splits = [make_split(name, source, CANARY) for name in BY_PROMETHEUS]
    splits.append(make_split(BY_GATEWAY, {"gateway": {}}, CANARY))
    splits.append(make_split(FLIPPED, {"gateway": {}}, {"blueGreen": {}}))
    with stage(tmp_path_factory.mktemp("mesh"), splits) as running:
        running.scrape_with(server)
        yield running


def count(load: Load, what: str) -> int:
    print(f"\n{what}: {len(load.failures)} failed of {len(load.members) + len(load.failures)} requests")
    return len(load.failures)


def test_a_good_canary_is_promoted_on_evidence(played: Stage) -> None:
    group = played.group("good")
    with constant_load(group.url, group.path) as load:
        group.go()
        group.wait("Promoted")
        eventually(lambda: load.last(ENOUGH) == {group.canary}, "all requests to the canary")
    assert count(load, "promoted") == 0
    assert [act for act, _, _ in group.history()] == ["Adopt", "Start", "Promote"]
    assert group.status()["lastDecision"]["evidence"][0]["requests"] > 0
    assert group.condition("Promoted") == ("True", "Promoted")
    assert group.condition("MetricsAvailable") == ("True", "Answering")


def test_a_canary_that_fails_five_times_as_often_is_rolled_back(played: Stage) -> None:
    group = played.group("worse")
    group.fail(stable=0.04, canary=0.2)
    with constant_load(group.url, group.path) as load:
        group.go()
        group.wait("RolledBack")
        eventually(lambda: load.last(ENOUGH) == {group.stable}, "all requests to stable")
        status = group.status()
    shown = status["lastDecision"]["evidence"][0]
    print(f"\n5x worse: canary failed {shown['errors']} of {shown['requests']} until it was rolled back")
    count(load, "5x worse, with what stable fails anyway")
    assert [(act, why) for act, why, _ in group.history()][1:] == [
        ("Start", "Started"),
        ("Rollback", "Harm"),
    ]
    assert group.condition("Promoted") == ("False", "RolledBack")
    assert group.condition("Ready") == ("True", "RolledBack")


def test_an_outage_of_the_canary_is_rolled_back(played: Stage) -> None:
    group = played.group("outage")
    group.fail(canary=1.0)
    with constant_load(group.url, group.path) as load:
        group.go()
        group.wait("RolledBack")
        eventually(lambda: load.last(ENOUGH) == {group.stable}, "all requests to stable")
    assert count(load, "outage of the canary at 20 %") > 0
    assert [act for act, _, _ in group.history()][1:] == ["Start", "Rollback"]


def test_without_prometheus_weights_are_held_and_an_outage_is_seen_at_the_gateway(
    played: Stage, server: Prometheus
) -> None:
    blind, surge = played.group("blind"), played.group(BY_GATEWAY)
    with constant_load(blind.url, blind.path, 1), constant_load(surge.url, surge.path, 2) as load:
        blind.go()
        eventually(lambda: len(blind.history()) == 2, "the first step")
        server.stop()
        eventually(lambda: (blind.condition("MetricsAvailable") or ("",))[0] == "False", "a word about it")
        assert blind.condition("MetricsAvailable") == ("False", "SourceUnreachable")
        held = blind.weights()

        surge.fail(canary=1.0)
        surge.go()
        surge.wait("RolledBack")
        eventually(lambda: load.last(ENOUGH) == {surge.stable}, "all requests to stable")
        assert count(load, "outage seen at the origin, Prometheus down") > 0

        assert (blind.phase(), blind.weights(), len(blind.history())) == ("Progressing", held, 2)
        again = start(server.configuration.parent, {}, port=int(server.url.rsplit(":", 1)[1]))
        try:
            played.scrape_with(again)
            blind.wait("Promoted")
        finally:
            server.process = again.process
    assert [act for act, _, _ in blind.history()][1:] == ["Start", "Promote"]
    assert blind.condition("MetricsAvailable") == ("True", "Answering")
