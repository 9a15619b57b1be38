"""A day of many canaries in simulated time: traffic, faults, kills, clocks that jump, and what must hold."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from meshsplit.analysis.metrics import Trouble, Unavailable
from meshsplit.kube.port import ApiError, Resource
from meshsplit.model import Settings
from meshsplit.rollout.splits import to_thousandths
from meshsplit.simulation.world import Phase, World, draw_counts
from support.counted import Counted
from support.fleet import SERVICES, SPLITS, Body
from support.fleetaudit import Audit
from support.manifests import NAMESPACE, make_model_split, make_service
from support.offline import Scene
from support.stepwise import Controller
from support.store_api import Clock, StoreApi

TICK_SECONDS = 600.0
DAY_SECONDS = 86_400.0
MOST_PASSES = 10_000
GOOD = (Phase(0.002),)
WORLDS = {
    "good": World(20.0, GOOD, GOOD, read_seconds=TICK_SECONDS),
    "drifting": World(20.0, GOOD, GOOD, drift=0.5, read_seconds=TICK_SECONDS),
    "five times worse": World(20.0, GOOD, (Phase(0.01),), read_seconds=TICK_SECONDS),
    "bad under load": World(
        20.0, GOOD, (Phase(0.002), Phase(0.2, from_weight=300)), read_seconds=TICK_SECONDS
    ),
    "outage": World(20.0, GOOD, (Phase(1.0),), read_seconds=TICK_SECONDS),
}


class Killed(BaseException):
    """As SIGKILL: nothing is cleaned up."""


@dataclass(frozen=True)
class Risks:
    """How likely each is: an edit of a group, a death at a write, and in a tick the others."""

    edit: float = 0.04
    kill: float = 0.01
    jump: float = 0.03
    faults: float = 0.1
    blindness: float = 0.1
    stop: float = 0.03


CALM = Risks(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass
class Skewed(Clock):
    """Its time of day is set now and then; what counts seconds does not notice."""

    skew: float = 0.0

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self.skew)


@dataclass
class Day:
    """`groups` of two, each at first on its first member; `told` counts what happened.

    What is drawn for traffic depends on the group and the time alone, so that two days can be compared.
    """

    groups: int
    seed: int = 1
    most: int = 8
    risks: Risks = Risks()
    checked: bool = False
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = Skewed()
        self.scene = Scene(self.clock, self.checked)
        self.source = Counted(NAMESPACE)
        self.settings = Settings(max_concurrent_rollouts=self.most)
        self.faulty = False
        self.worlds: dict[str, World] = {}
        self.on_second: dict[str, bool] = {}
        self.audit = Audit(self.scene.api, self.most, self._aim, self.told)
        for number in range(self.groups):
            self._create(f"g{number}")
        self._survive(self._start)

    def _aim(self, name: str) -> str:
        return f"{name}-v2" if self.on_second[name] else f"{name}-v1"

    def _create(self, name: str) -> None:
        user = self.scene.user
        for member in (f"{name}-v1", f"{name}-v2"):
            user.create(SERVICES, make_service(member, tag=name))
        user.create(
            SPLITS,
            make_model_split(
                name,
                modelTag=name,
                weightsFrom="Spec",
                members=_members(name, second=False),
                stableMember=f"{name}-v1",
                strategy={"canary": {"stepWeights": [10, 50]}},
                analysis={"interval": f"{TICK_SECONDS:.0f}s"},
            ),
        )
        self.on_second[name] = False

    def play(self, seconds: float = DAY_SECONDS) -> None:
        """Tick by tick to the end; AssertionError at the first rule that does not hold."""
        for _ in range(round(seconds / TICK_SECONDS)):
            self._happen()
            self.tick()

    def calm_down(self) -> None:
        """Let nothing happen any more until every rollout has ended."""
        self.faulty, self.source.trouble = False, None
        self._stop_all(False)
        for _ in range(20 * self.groups):
            if not self.audit.list_active():
                return
            self.tick()
        stuck = {name: self.audit.statuses[name]["lastDecision"] for name in self.audit.list_active()}
        raise AssertionError(f"these have not ended: {stuck}")

    def tick(self) -> None:
        """Traffic for a while, and what the controller does then."""
        self.clock.advance(TICK_SECONDS)
        self._flow()
        self._survive(self._work)
        self.audit.check(self.settings.stop_rollouts)

    def edit(self, name: str, world: str) -> None:
        """Ask for the other member, which is what the world says."""
        self.worlds[name] = WORLDS[world]
        self.on_second[name] = not self.on_second[name]
        spec = {"members": _members(name, self.on_second[name])}
        self.controller.hear(SPLITS, self.scene.user.patch(SPLITS, {"spec": spec}, name, NAMESPACE))

    def _survive(self, do: Callable[[], None]) -> None:
        """Do it; as often as the controller dies of it, another one starts from what is in the cluster."""
        while True:
            try:
                do()
            except Killed:
                self.told["kills"] += 1
                do = self._start
            else:
                return

    def _start(self) -> None:
        api = StoreApi(self.scene.store)
        api.before, api.after = self._fail, self._die
        self.controller = Controller(api, self.clock, self.settings, source=self.source).start()
        self.controller.work(MOST_PASSES)  # until then nobody knows what is to be measured
        self._work()

    def _work(self) -> None:
        self.controller.measure()
        self.controller.work(MOST_PASSES)

    def _fail(self, verb: str, resource: Resource, name: str) -> None:
        self._die()
        if self.faulty and self.chance.random() < 0.3:
            self.told["API faults"] += 1
            raise ApiError(500, "InternalError", f"cannot {verb} {resource.plural} {name}")

    def _die(self) -> None:
        """Before a write, or after it and before its answer."""
        if self.chance.random() < self.risks.kill / 2:
            raise Killed

    def _happen(self) -> None:
        """What users, machines and time do."""
        chance, risks = self.chance, self.risks
        for name in sorted(self.on_second):
            if chance.random() < risks.edit:
                self._edit_any(name)
        if chance.random() < risks.jump:
            self.told["clock jumps"] += 1
            self.clock.skew += chance.choice((-3600.0, -30.0, 30.0, 3600.0))
        self.faulty = chance.random() < risks.faults
        blind = chance.random() < risks.blindness
        self.source.trouble = Unavailable(Trouble.UNREACHABLE, "down") if blind else None
        stopped = self.settings.stop_rollouts
        if chance.random() < (0.5 if stopped else risks.stop):
            self._stop_all(not stopped)

    def _stop_all(self, stopped: bool) -> None:
        self.settings = replace(self.settings, stop_rollouts=stopped)
        self.controller.settings = self.settings

    def _edit_any(self, name: str) -> None:
        """Ask for the other member, or give the canary other content; while a rollout runs too."""
        world = self.chance.choice(sorted(WORLDS))
        self.told["edits"] += 1
        if name not in self.audit.statuses or self.chance.random() < 0.7:
            self.edit(name, world)
            return
        self.worlds[name] = WORLDS[world]
        model = {"storageUri": f"s3://models/{self.told['edits']}"}
        changed = {"spec": {"predictor": {"model": model}}}
        canary = self.audit.canary_of(name)
        self.controller.hear(SERVICES, self.scene.user.patch(SERVICES, changed, canary, NAMESPACE))

    def _flow(self) -> None:
        for name, world in sorted(self.worlds.items()):
            split = self.audit.splits.get(name)
            canary = self.audit.canary_of(name)
            stable = f"{name}-v1" if canary.endswith("v2") else f"{name}-v2"
            weight = to_thousandths(split).get(canary, 0) if split is not None else 0
            chance = random.Random(f"{self.seed} {name} {self.clock.seconds}")
            counts = draw_counts(world, chance, weight, self.clock.seconds)
            self.source.serve(canary, counts.canary_requests - counts.canary_bad, counts.canary_bad)
            self.source.serve(stable, counts.stable_requests - counts.stable_bad, counts.stable_bad)


def _members(name: str, second: bool) -> list[Body]:
    shares = (0, 100) if second else (100, 0)
    return [{"name": f"{name}-v{at}", "weight": weight} for at, weight in enumerate(shares, 1)]
