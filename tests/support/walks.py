"""A canary that walks on counters of the test's own, at the test's own clock."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from meshsplit.controller.live import LiveSplit, to_live_split
from meshsplit.controller.resources import EVENTS
from meshsplit.controller.rollouts import find_state
from meshsplit.kube.port import Writer
from meshsplit.model import Settings, Split
from meshsplit.rollout.state import RolloutState
from support.counted import Counted, share
from support.fleet import SERVICES, SPLITS, VIRTUAL_SERVICES, Body
from support.generations import split_of
from support.manifests import NAMESPACE, make_model_split, make_service
from support.offline import Scene
from support.stepwise import Controller
from support.store_api import Clock

READ_SECONDS = 10
REQUESTS_A_SECOND = 100
CANARY = {"canary": {"stepWeights": [10, 50]}}


@cache
def _scene() -> Scene:
    scene = Scene()
    del scene.controller  # its locks cannot be copied
    return scene


@dataclass
class Walk:
    """The group `mnist` of two, of which the first has everything and the second is to get it.

    `failing` is the share of bad answers by member.
    """

    strategy: Mapping[str, Any] = field(default_factory=lambda: CANARY)
    analysis: Mapping[str, Any] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    failing: dict[str, float] = field(default_factory=dict)
    source: Counted = field(default_factory=lambda: Counted(NAMESPACE))

    stable, canary = "mnist-v1", "mnist-v2"

    def __post_init__(self) -> None:
        self.scene = copy.deepcopy(_scene())
        user = self.scene.user
        user.create(
            SPLITS,
            make_model_split(
                modelTag="mnist",
                weightsFrom="Spec",
                members=self._members(100, 0),
                stableMember=self.stable,
                strategy=self.strategy,
                analysis={"interval": f"{READ_SECONDS}s", **self.analysis},
            ),
        )
        for name in (self.stable, self.canary):
            user.create(SERVICES, make_service(name))
            user.set_ready(name, NAMESPACE, ready=True)
        self.start()
        self.controller.step()

    def _members(self, first: int, second: int) -> list[Body]:
        return [{"name": self.stable, "weight": first}, {"name": self.canary, "weight": second}]

    def start(self, writer: Writer | None = None) -> None:
        """A new controller in place of the one that was, which is gone as by SIGKILL.

        It writes through `writer`, if there is one.
        """
        self.controller = Controller(
            self.scene.api, self.clock, self.settings, source=self.source, writer=writer
        ).start()

    def go(self, first: int = 0, second: int = 100) -> None:
        """Ask for another split."""
        self.edit(members=self._members(first, second))

    def edit(self, **spec: Any) -> None:
        self.scene.user.patch(SPLITS, {"spec": spec}, "mnist", NAMESPACE)
        self.controller.step()

    def ask(self, request: str, details: str = "{}") -> None:
        """What a person's annotation asks for."""
        annotations = {"meshsplit.dev/request": request, "meshsplit.dev/request-details": details}
        self.scene.user.patch(SPLITS, {"metadata": {"annotations": annotations}}, "mnist", NAMESPACE)
        self.controller.step()

    def flow(self, seconds: float = READ_SECONDS) -> None:
        """Traffic for so long, as the routes send it."""
        self.clock.advance(seconds)
        sent = share(self.serving, round(seconds * REQUESTS_A_SECOND), (self.stable, self.canary))
        for name, requests in sent.items():
            bad = round(requests * self.failing.get(name, 0.0))
            self.source.serve(name, requests - bad, bad)

    def tick(self, seconds: float = READ_SECONDS) -> None:
        """Traffic, a look at the counters, and what follows."""
        self.flow(seconds)
        self.measure()

    def measure(self) -> None:
        """A look at the counters, and what follows; a controller's own writes are in its caches at once."""
        self.controller.measure()
        self.controller.work()

    def tick_until(self, *phases: str, most: int = 60) -> None:
        for _ in range(most):
            if self.phase in phases:
                return
            self.tick()
        raise AssertionError(f"still {self.phase}: {self.status.get('lastDecision')}")

    def tick_to(self, weight: int, most: int = 60) -> None:
        """Until the canary serves that percentage."""
        for _ in range(most):
            if self.weight == weight:
                return
            self.tick()
        raise AssertionError(f"still at {self.weight}: {self.status.get('lastDecision')}")

    @property
    def clock(self) -> Clock:
        return self.scene.clock

    @property
    def serving(self) -> Split | None:
        """What the routes say."""
        route = self.scene.user.find(VIRTUAL_SERVICES, "mnist-splitting", NAMESPACE)
        return None if route is None else split_of(route)

    @property
    def weight(self) -> float:
        """The canary's percentage in the routes."""
        serving = self.serving
        return 0.0 if serving is None else 100.0 * serving.of(self.canary) / serving.total

    @property
    def live(self) -> LiveSplit:
        body = self.scene.user.get(SPLITS, "mnist", NAMESPACE)
        kind = {"apiVersion": SPLITS.api_version, "kind": SPLITS.kind}
        return to_live_split({**body, **kind}, self.settings)

    @property
    def state(self) -> RolloutState:
        return find_state(self.live)

    @property
    def status(self) -> Body:
        status: Body = self.scene.user.get(SPLITS, "mnist", NAMESPACE).get("status") or {}
        return status

    @property
    def phase(self) -> str:
        rollout: Body = self.status.get("rollout") or {}
        return str(rollout.get("state", ""))

    @property
    def acts(self) -> list[str]:
        """What was done, of what is in the history."""
        return [each["action"] for each in self.status.get("history", [])]

    def events(self, reason: str) -> int:
        """How many Events of a reason there are."""
        return sum(each["reason"] == reason for each in self.scene.user.all(EVENTS))

    def condition(self, kind: str) -> tuple[str, str] | None:
        return self.scene.condition(kind)
