"""An API server that is slow, refuses, forgets, or goes away and comes back."""

import json
from pathlib import Path

import pytest

from meshsplit.controller.manager import Manager, Options
from meshsplit.kube.client import Client
from meshsplit.local.apiserver.faults import Fault
from meshsplit.model import Settings
from support.fleet import SPLITS
from support.history import recording
from support.kinds import DEFINITIONS
from support.scene import Scene, running, serve_embedded
from support.waiting import eventually

ROUTES = "/virtualservices/"


def test_a_weight_is_not_reported_before_istio_has_been_told(faulty: Scene) -> None:
    faulty.pair()
    with running(faulty.api):
        faulty.serves("mnist-v1=80,mnist-v2=20")
        faulty.says("Ready", "True", "Steady")
        faulty.api.faults.add(
            Fault(path=f"{faulty.namespace}{ROUTES}mnist-splitting", method="PATCH", code=422, times=0)
        )
        faulty.edit("mnist-v1", "70")
        faulty.edit("mnist-v2", "30")
        faulty.says("Ready", "False", "RouteRejected")
        assert faulty.condition("RoutesAccepted") == ("False", "RouteRejected")
        assert faulty.condition("Stalled") == ("True", "RouteRejected")
        assert _shown(faulty, "weight") == "80 / 20"
        assert _shown(faulty, "target") == "70 / 30"
        assert faulty.weights() == "mnist-v1=80,mnist-v2=20"
        assert not any("70" in event["message"] for event in faulty.events("WeightChanged"))
        faulty.api.faults.clear()
        faulty.serves("mnist-v1=70,mnist-v2=30")
        faulty.says("Ready", "True", "Steady")
    assert _shown(faulty, "weight") == "70 / 30"
    assert len(faulty.events("RouteRejected", "mnist")) == 1
    assert len([e for e in faulty.events("WeightChanged") if "80 → 70" in e["message"]]) == 1


def test_a_route_that_was_never_accepted_is_not_reported_as_serving(faulty: Scene) -> None:
    faulty.api.faults.add(
        Fault(path=f"{faulty.namespace}{ROUTES}mnist-splitting", method="PATCH", code=422, times=0)
    )
    faulty.pair()
    with running(faulty.api):
        faulty.says("Ready", "False", "RouteRejected")
        assert _shown(faulty, "weight") == ""
        assert "mnist-splitting: fault 422" in faulty.message("RoutesAccepted")


def test_a_refused_model_is_told_and_does_not_stop_its_group(faulty: Scene) -> None:
    faulty.api.faults.add(
        Fault(path=f"{faulty.namespace}{ROUTES}mnist-v1$", method="PATCH", code=422, times=0)
    )
    faulty.pair()
    with running(faulty.api):
        faulty.serves("mnist-v1=80,mnist-v2=20")
        faulty.says("Ready", "True", "Steady")
        eventually(lambda: faulty.events("RouteRejected", "mnist-v1"), "the model is told")


def test_writes_that_are_forbidden_are_told_at_once(faulty: Scene) -> None:
    faulty.api.faults.add(Fault(path=f"{faulty.namespace}{ROUTES}", method="PATCH", code=403, times=0))
    faulty.pair()
    with running(faulty.api):
        faulty.says("Ready", "False", "WriteFailed")
        assert faulty.condition("Reconciling") == ("True", "WriteFailed")
        assert faulty.condition("RoutesAccepted") == ("Unknown", "WriteFailed")
        assert _shown(faulty, "weight") == ""
        faulty.api.faults.clear()
        faulty.serves("mnist-v1=80,mnist-v2=20")
        faulty.says("Ready", "True", "Steady")


@pytest.mark.parametrize("code", [409, 429, 500, 503])
def test_a_failure_that_passes_is_no_news(faulty: Scene, code: int) -> None:
    faulty.pair()
    with running(faulty.api):
        faulty.says("Ready", "True", "Steady")
        where = f"{faulty.namespace}/(virtualservices|modelsplits)"
        faulty.api.faults.add(Fault(path=where, method="PATCH", code=code, times=2, retry_after=1))
        faulty.edit("mnist-v1", "70")
        faulty.edit("mnist-v2", "30")
        faulty.serves("mnist-v1=70,mnist-v2=30")
        eventually(lambda: _shown(faulty, "weight") == "70 / 30", "the status says so")
        faulty.says("Ready", "True", "Steady")
    changes = [event["message"] for event in faulty.events("WeightChanged")]
    assert len([message for message in changes if "→ 70" in message]) == 1


def test_a_failure_that_lasts_is_told(faulty: Scene) -> None:
    faulty.pair()
    with running(faulty.api):
        faulty.says("Ready", "True", "Steady")
        faulty.api.faults.add(Fault(path=f"{faulty.namespace}{ROUTES}", method="PATCH", code=500, times=0))
        faulty.edit("mnist-v1", "70")
        faulty.edit("mnist-v2", "30")
        faulty.says("Ready", "False", "WriteFailed")
        assert _shown(faulty, "weight") == "80 / 20"
        faulty.api.faults.clear()
        faulty.says("Ready", "True", "Steady")
        assert _shown(faulty, "weight") == "70 / 30"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut_after=1, times=20),
        Fault(expire_after=1, times=20),
        Fault(delay=0.05, times=100),
        Fault(watches_only=True, code=500, times=10),
    ],
    ids=["cut streams", "expired watches", "latency", "refused watches"],
)
def test_watches_that_break_lose_nothing(faulty: Scene, fault: Fault) -> None:
    faulty.api.faults.add(fault)
    faulty.pair()
    with running(faulty.api):
        for second in (20, 30, 40):
            faulty.edit("mnist-v1", str(100 - second))
            faulty.edit("mnist-v2", str(second))
            faulty.serves(f"mnist-v1={100 - second},mnist-v2={second}")


def test_forgotten_history_is_listed_again(faulty: Scene) -> None:
    faulty.pair()
    with running(faulty.api):
        faulty.serves("mnist-v1=80,mnist-v2=20")
        assert faulty.api.embedded is not None
        faulty.api.embedded.compact()
        faulty.api.faults.add(Fault(expire_after=0, times=8))
        faulty.edit("mnist-v1", "60")
        faulty.edit("mnist-v2", "40")
        faulty.serves("mnist-v1=60,mnist-v2=40")


def test_an_api_server_that_restarts_is_found_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with serve_embedded(tmp_path, state_file=state) as first:
        scene = Scene(first)
        scene.pair()
        assert first.embedded is not None
        with running(first) as manager:
            scene.says("Ready", "True", "Steady")
            first.embedded.stop()
            with serve_embedded(tmp_path, state_file=state, port=first.embedded.port) as second:
                again = Scene.at(second, scene.namespace)
                with recording(again) as history:
                    again.edit("mnist-v1", "60")
                    again.edit("mnist-v2", "40")
                    again.serves("mnist-v1=60,mnist-v2=40")
                assert history.deletions("mnist-splitting") == 0
                assert manager.failure is None
                manager.stop()


def test_stopping_while_the_api_server_does_not_answer_ends_every_thread(faulty: Scene) -> None:
    faulty.api.faults.add(Fault(path="/virtualservices$", method="GET", delay=5.0, times=1))
    manager = Manager(faulty.api.configuration, Options(settings=Settings(), leader_election=False))
    manager.start()
    manager.stop()
    assert not manager.wait_synced(0.0)


def test_only_an_older_istio_is_served(tmp_path: Path) -> None:
    with serve_embedded(tmp_path) as api:
        client = Client(api.configuration)
        for name in ("virtualservices", "gateways"):
            _serve_only(client, f"{name}.networking.istio.io", "v1beta1")
        scene = Scene(api)
        scene.pair()
        with running(api):
            scene.says("Ready", "True", "Steady")
        client.close()


def _serve_only(client: Client, name: str, version: str) -> None:
    crd = json.loads(client.get(DEFINITIONS, "", name))
    versions = [{**each, "served": each["name"] == version} for each in crd["spec"]["versions"]]
    client.patch(DEFINITIONS, "", name, {"spec": {"versions": versions}})


def _shown(scene: Scene, column: str) -> str:
    status = (scene.find(SPLITS, "mnist") or {}).get("status") or {}
    return str(status.get(column, ""))
