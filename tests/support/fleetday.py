"""A day of many canaries in simulated time: traffic, faults, kills, clocks that jump, and what must hold."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from meshsplit.analysis.metrics import Trouble, Unavailable
from meshsplit.controller.live import to_split
from meshsplit.kube.port import ApiError, Resource
from meshsplit.model import Settings, Split
from meshsplit.rollout.splits import to_thousandths
from meshsplit.simulation.world import Phase, World, draw_counts
from support.counted import Counted
from support.fleet import SERVICES, SPLITS, Body
from support.generations import split_of
from support.manifests import NAMESPACE, make_model_split, make_service
from support.offline import Scene
from support.stepwise import Controller
from support.store_api import Clock, StoreApi

TICK_SECONDS = 600.0
DAY_SECONDS = 86_400.0
WEIGHTS = (0, 100, 500, 1000)
"""The canary's, in thousandths: before the rollout, its two steps, and after it."""
FORWARD = frozenset({"Start", "Advance", "Promote"})
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


@dataclass
class Skewed(Clock):
    """Its time of day is set now and then; what counts seconds does not notice."""

    skew: float = 0.0

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self.skew)


@dataclass
class Day:
    """`groups` of two, each at first on its first member; `told` counts what happened."""

    groups: int
    seed: int = 1
    most: int = 8
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = Skewed()
        self.scene = Scene(self.clock)
        self.source = Counted(NAMESPACE)
        self.settings = Settings(max_concurrent_rollouts=self.most)
        self.faulty = False
        self.worlds: dict[str, World] = {}
        self.on_second: dict[str, bool] = {}
        self.records: dict[tuple[str, int], Body] = {}
        self.seen = 0
        self.splits: dict[str, Split] = {}
        self.statuses: dict[str, Body] = {}
        for number in range(self.groups):
            self._create(f"g{number}")
        self.start()

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

    def start(self) -> None:
        """A new controller; the one before is gone as by SIGKILL."""
        api = StoreApi(self.scene.store)
        api.before = self._fail
        self.controller = Controller(api, self.clock, self.settings, source=self.source).start()
        self.controller.work()

    def _fail(self, verb: str, resource: Resource, name: str) -> None:
        if self.faulty and self.chance.random() < 0.3:
            self.told["API faults"] += 1
            raise ApiError(500, "InternalError", f"cannot {verb} {resource.plural} {name}")

    def play(self, seconds: float = DAY_SECONDS) -> None:
        """Tick by tick to the end; AssertionError at the first rule that does not hold."""
        for _ in range(round(seconds / TICK_SECONDS)):
            self._happen()
            self._tick()

    def calm_down(self) -> None:
        """Let nothing happen any more until every rollout has ended."""
        self.faulty, self.source.trouble = False, None
        self.settings = replace(self.settings, stop_rollouts=False)
        self.controller.settings = self.settings
        for _ in range(20 * self.groups):
            if not any(_is_active(status) for status in self.statuses.values()):
                return
            self._tick()
        stuck = {name: each["lastDecision"] for name, each in self.statuses.items() if _is_active(each)}
        raise AssertionError(f"these have not ended: {stuck}")

    def _tick(self) -> None:
        self.clock.advance(TICK_SECONDS)
        self._flow()
        self.controller.measure()
        self.controller.work()
        self._check()

    def _happen(self) -> None:
        """What users, machines and time do."""
        chance = self.chance
        for name in sorted(self.on_second):
            if chance.random() < 0.02:
                self._edit(name)
        if chance.random() < 0.05:
            self.told["kills"] += 1
            self.start()
        if chance.random() < 0.03:
            self.told["clock jumps"] += 1
            self.clock.skew += chance.choice((-3600.0, -30.0, 30.0, 3600.0))
        self.faulty = chance.random() < 0.1
        self.source.trouble = Unavailable(Trouble.UNREACHABLE, "down") if chance.random() < 0.1 else None
        if chance.random() < 0.05:
            self.settings = replace(self.settings, stop_rollouts=not self.settings.stop_rollouts)
            self.controller.settings = self.settings

    def _edit(self, name: str) -> None:
        """Ask for the other member, or give the canary other content; while a rollout runs too."""
        self.worlds[name] = WORLDS[self.chance.choice(sorted(WORLDS))]
        self.told["edits"] += 1
        if name in self.statuses and self.chance.random() < 0.3:
            canary = _canary_of(self.statuses[name], name)
            model = {"storageUri": f"s3://models/{self.told['edits']}"}
            self.scene.user.patch(SERVICES, {"spec": {"predictor": {"model": model}}}, canary, NAMESPACE)
            self.controller.look(SERVICES.plural)
            return
        self.on_second[name] = not self.on_second[name]
        spec = {"members": _members(name, self.on_second[name])}
        self.scene.user.patch(SPLITS, {"spec": spec}, name, NAMESPACE)
        self.controller.look(SPLITS.plural)

    def _flow(self) -> None:
        for name, world in sorted(self.worlds.items()):
            split = self.splits.get(name)
            leg = _canary_of(self.statuses.get(name, {}), name)
            stable = f"{name}-v1" if leg.endswith("v2") else f"{name}-v2"
            weight = to_thousandths(split).get(leg, 0) if split is not None else 0
            counts = draw_counts(world, self.chance, weight, self.clock.seconds)
            self.source.serve(leg, counts.canary_requests - counts.canary_bad, counts.canary_bad)
            self.source.serve(stable, counts.stable_requests - counts.stable_bad, counts.stable_bad)

    def _check(self) -> None:
        """Read all that was written since the last check, in its order."""
        api = self.scene.api
        routes = api.events("networking.istio.io", "virtualservices", self.seen)
        splits = api.events("meshsplit.dev", "modelsplits", self.seen)
        for event in sorted([*routes, *splits], key=lambda event: event.version):
            self.seen = max(self.seen, event.version)
            body = event.after
            if body is None:
                continue
            if "spec" in body and body["kind"] == SPLITS.kind:
                self._check_status(event.key[1], body.get("status") or {})
            elif event.key[1].endswith("-splitting"):
                self._check_routes(event.key[1].removesuffix("-splitting"), split_of(body))
        running = [name for name, status in self.statuses.items() if _is_running(status)]
        assert len(running) <= self.most, f"{len(running)} run at the same time: {running}"
        self.told["most at a time"] = max(self.told["most at a time"], len(running))

    def _check_status(self, name: str, status: Body) -> None:
        before = self.statuses.get(name, {}).get("history", [])
        self.statuses[name] = status
        last = before[-1]["number"] if before else 0
        for record in status.get("history", []):
            known = self.records.setdefault((name, record["number"]), record)
            assert known["weights"] == record["weights"], f"a record of {name} was rewritten: {record}"
            if record["number"] > last:
                self._check_record(name, record)

    def _check_record(self, name: str, record: Body) -> None:
        self.told[record["action"]] += 1
        forward = record["action"] in FORWARD
        assert record["reason"], f"a record without a reason: {record}"
        assert not (forward and self.settings.stop_rollouts), (
            f"{name} moved although all are stopped: {record}"
        )
        if not forward:
            return
        of_rollout = [
            each
            for (group, number), each in self.records.items()
            if group == name and each["rollout"] == record["rollout"] and number < record["number"]
        ]
        taken = [each for each in of_rollout if each["action"] in FORWARD]
        canary = f"{name}-v2" if self.on_second[name] else f"{name}-v1"
        splits = [to_split(each["weights"]) for each in [*taken, record]]
        assert None not in splits, f"unreadable weights: {record}"
        weights = [to_thousandths(split)[canary] for split in splits if split is not None]
        assert weights == list(WEIGHTS[1 : len(weights) + 1]), f"steps of {name}: {weights}, {record}"

    def _check_routes(self, name: str, split: Split | None) -> None:
        history = self.statuses.get(name, {}).get("history", [])
        assert history, f"{name} has routes and no record"
        assert split is not None
        assert history[-1]["weights"] == str(split), f"{name} serves {split}, on record is {history[-1]}"
        self.told["moves"] += self.splits.get(name) not in (None, split)
        self.splits[name] = split


def _members(name: str, second: bool) -> list[Body]:
    shares = (0, 100) if second else (100, 0)
    return [{"name": f"{name}-v{at}", "weight": weight} for at, weight in enumerate(shares, 1)]


def _canary_of(status: Body, name: str) -> str:
    return str(status.get("canary") or f"{name}-v2")


def _is_active(status: Body) -> bool:
    return _is_running(status) or (status.get("rollout") or {}).get("state") == "Pending"


def _is_running(status: Body) -> bool:
    rollout = status.get("rollout") or {}
    return rollout.get("state") in ("Progressing", "AwaitingPromotion", "Inconclusive")
