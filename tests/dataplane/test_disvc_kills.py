"""A controller that dies again and again in the middle of its writes: on a real Envoy no request fails."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from meshsplit.controller.lead import LeadersWriter
from meshsplit.kube.client import Client, Configuration
from support.disvc_children import EXTERNAL, INTERNAL, NAME, NAMESPACE, Stage, stage
from support.load import Load, constant_load
from support.stepdisvc import DisvcController
from support.store_api import Clock
from support.waiting import eventually

PATH = f"/v2/models/{NAME}/infer"
SECONDS = 90.0
DISVC = "serving.kserve.io/v1alpha1"


class Killed(BaseException):
    """As SIGKILL: nothing is cleaned up."""


class WallClock(Clock):
    """Goes by itself."""

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def count(self) -> float:
        return time.monotonic()


@dataclass
class Mortals:
    """One controller after the other; each dies before its second, third or fourth write."""

    api: Client
    clock: Clock = field(default_factory=WallClock)
    deaths: int = 0
    lives: Iterator[int] = field(default_factory=lambda: cycle((1, 2, 3)))

    def __post_init__(self) -> None:
        self._be_born()

    def step(self) -> None:
        try:
            self._controller.look()
            self._controller.reconcile(NAME, NAMESPACE)
        except Killed:
            self.deaths += 1
            self._be_born()

    def _be_born(self) -> None:
        self._left = next(self.lives)
        self._controller = DisvcController(self, LeadersWriter(self.api, self._lives))

    def _lives(self) -> bool:
        if self._left == 0:
            raise Killed
        self._left -= 1
        return True


def make_disvc(version: int, **spec: Any) -> dict[str, Any]:
    model = {"modelFormat": {"name": "sklearn"}, "runtime": "kserve-sklearnserver", "protocolVersion": "v2"}
    asked = {"annotations": {"version": f"v{version}"}, "inferenceService": {"predictor": {"model": model}}}
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return {
        "apiVersion": DISVC,
        "kind": "DistributedInferenceService",
        "metadata": metadata,
        "spec": {**asked, "drainSeconds": 1, **spec},
    }


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as running:
        yield running


def says(local: Stage, version: int, replicas: int) -> bool:
    """Whether that version alone is there, with so many replicas, and everything is done."""
    (body,) = local.cluster.list([local.cluster.resource(DISVC, "DistributedInferenceService").key])
    status = body.get("status", {})
    phases = [(each["version"], each["phase"]) for each in status.get("versions", [])]
    ready = {each["type"]: each["status"] for each in status.get("conditions", [])}.get("Ready")
    return phases == [(version, "Serving")] and ready == "True" and status["readyReplicas"] == replicas


def test_version_after_version_by_controllers_that_die(local: Stage) -> None:
    client = Client(Configuration(host=local.cluster.url))
    mortals = Mortals(client)

    def work(version: int, replicas: int) -> None:
        """Let them work until that is all there is."""

        def is_done() -> bool:
            mortals.step()
            return says(local, version, replicas)

        eventually(is_done, f"version {version} serves with {replicas} replicas", SECONDS)

    local.apply(make_disvc(1))
    work(1, 1)
    with ExitStack() as both:
        loads: list[Load] = [
            both.enter_context(constant_load(url, PATH, 2, {"Host": host}))
            for url, host in ((local.session.url, EXTERNAL), (local.session.mesh_url, INTERNAL))
        ]

        def reach(names: set[str]) -> None:
            eventually(lambda: all(load.last(60) == names for load in loads), f"{names} answer")

        reach({f"{NAME}-v1-0"})
        for version, replicas in ((2, 2), (3, 2), (3, 1)):
            before = mortals.deaths
            local.apply(make_disvc(version, replicas=replicas))
            work(version, replicas)
            assert mortals.deaths > before
        reach({f"{NAME}-v3-0"})
        assert [load.failures for load in loads] == [[], []]
    client.close()
