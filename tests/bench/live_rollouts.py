"""What one tick of the controller costs while 1,000 canaries walk at once, and days of thousands of them.

The controller is stepped by hand on the embedded API server's store; metrics come over HTTP from one that
answers as Prometheus does. All of it is one process, so the CPU of that server is in the figure of the read,
and the API server's own is taken out of the figure of the passes.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Spread, parse_quick, say, say_header, say_table

from meshsplit.controller.rollouts import find_state
from meshsplit.metrics.prometheus import LAG_SECONDS, PrometheusSource
from meshsplit.model import Settings
from support.fake_prometheus import FakePrometheus, fake_prometheus
from support.fleet import SERVICES, SPLITS
from support.fleetday import Day
from support.manifests import NAMESPACE, make_model_split, make_service
from support.offline import Scene
from support.stepwise import Controller
from support.store_api import StoreApi

ROLLOUTS, QUICK_ROLLOUTS = 1000, 100
TICKS, QUICK_TICKS = 6, 3
TICK_SECONDS = 15.0
GOOD_A_TICK, BAD_A_TICK = 1000, 2
QUERY_LIMIT = 1
CPU_LIMIT_SECONDS = 1.0
"""Of one read of one metric for 1,000 rollouts; fewer may take as much less."""
FLEETS, QUICK_FLEETS = 25, 2
FLEET_GROUPS, FLEET_MOST = 60, 8
MOST_PASSES = 20 * ROLLOUTS
POD = {"pod": "mm-0", "instance": "mm-0:2112", "job": "models", "namespace": NAMESPACE}


@dataclass
class TimedApi(StoreApi):
    """Knows how much CPU went into the API server itself."""

    spent: float = 0.0
    written: int = field(default=0)

    def _send(self, *words: Any, **fields: Any) -> dict[str, Any]:
        before = time.process_time()
        try:
            return super()._send(*words, **fields)
        finally:
            self.spent += time.process_time() - before
            self.written += 1


@dataclass
class Walking:
    """So many groups, every one of which walks."""

    server: FakePrometheus
    rollouts: int

    def __post_init__(self) -> None:
        self.scene = Scene()
        self.api = TimedApi(self.scene.store)
        self.ticks = 0
        for number in range(self.rollouts):
            self._create(f"g{number}")
        self.source = PrometheusSource(self.server.url)
        self.controller = Controller(self.api, self.scene.clock, Settings(), source=self.source).start()
        self.controller.work(MOST_PASSES)
        for number in range(self.rollouts):
            members = [{"name": f"g{number}-v1", "weight": 0}, {"name": f"g{number}-v2", "weight": 100}]
            self.scene.user.patch(SPLITS, {"spec": {"members": members}}, f"g{number}", NAMESPACE)
        self.controller.look(SPLITS.plural)
        self.controller.work(MOST_PASSES)

    def _create(self, name: str) -> None:
        for member in (f"{name}-v1", f"{name}-v2"):
            self.scene.user.create(SERVICES, make_service(member, tag=name))
        members = [{"name": f"{name}-v1", "weight": 100}, {"name": f"{name}-v2", "weight": 0}]
        spec: dict[str, Any] = {"modelTag": name, "weightsFrom": "Spec", "members": members}
        strategy = {"canary": {"stepWeights": [10], "onComplete": "Hold"}}
        analysis = {"interval": f"{TICK_SECONDS:g}s", "source": {"prometheus": {"address": self.server.url}}}
        body = make_model_split(name, **spec, stableMember=f"{name}-v1", strategy=strategy, analysis=analysis)
        self.scene.user.create(SPLITS, body)

    def advance(self) -> None:
        """Time and counters, and the answer made ready."""
        self.scene.clock.advance(TICK_SECONDS)
        self.ticks += 1
        answer = self._make_answer()
        self.server.answer = lambda _query: answer
        self.server.queries.clear()

    def _make_answer(self) -> tuple[int, bytes]:
        at = self.scene.clock.utc().timestamp() - LAG_SECONDS
        result: list[Mapping[str, Any]] = [_series({"meshsplit": "modelmesh times"}, at)]
        for number in range(self.rollouts):
            for member in (f"g{number}-v1", f"g{number}-v2"):
                for code, each in (("OK", GOOD_A_TICK), ("INTERNAL", BAD_A_TICK)):
                    labels = {"meshsplit": "modelmesh", "vModelId": member, "code": code}
                    result.append(_series(labels, self.ticks * each))
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return 200, json.dumps(body).encode()

    def is_under_way(self) -> bool:
        """Whether every rollout has begun."""
        return all(find_state(split).takes_slot for split in self.controller.cache.splits.values())


def _series(labels: Mapping[str, str], value: float) -> dict[str, Any]:
    return {"metric": {**POD, **labels}, "value": [0, f"{value}"]}


def measure(rollouts: int, ticks: int) -> tuple[list[str], bool]:
    """A row of the table, and whether it is within its limits."""
    reads, passes, queries, writes = [], [], [], []
    with fake_prometheus() as server:
        walking = Walking(server, rollouts)
        while not walking.is_under_way():
            walking.advance()
            walking.controller.measure()
            walking.controller.work(MOST_PASSES)
        for _ in range(ticks):
            walking.advance()
            before = time.process_time()
            walking.controller.measure()
            reads.append(time.process_time() - before)
            queries.append(len(server.queries))
            before, at_server, sent = time.process_time(), walking.api.spent, walking.api.written
            walking.controller.work(MOST_PASSES)
            passes.append(time.process_time() - before - (walking.api.spent - at_server))
            writes.append(walking.api.written - sent)
        walking.source.close()
    limit = CPU_LIMIT_SECONDS * rollouts / ROLLOUTS
    row = [
        f"{rollouts:,}",
        f"{max(queries)}",
        f"{QUERY_LIMIT}",
        Spread(reads).show(2),
        f"{limit:g}",
        Spread(passes).show(2),
        f"{sorted(writes)[len(writes) // 2]:,}",
    ]
    return row, max(queries) <= QUERY_LIMIT and sorted(reads)[len(reads) // 2] <= limit


def play_days(fleets: int) -> int:
    """A day of so many fleets, each with happenings of its own; how many broke a rule."""
    told: Counter[str] = Counter()
    before, broken = time.process_time(), 0
    for seed in range(fleets):
        day = Day(FLEET_GROUPS, seed, FLEET_MOST)
        try:
            day.play()
            day.calm_down()
        except AssertionError as error:
            broken += 1
            say(f"Fleet {seed} broke a rule: {error}")
        told += day.told
    spent = time.process_time() - before
    del told["most at a time"]
    counts = ", ".join(f"{count:,} {what}" for what, count in sorted(told.items()))
    most = f"at most {FLEET_MOST} rollouts at a time"
    say(f"A day of {fleets} fleets of {FLEET_GROUPS} groups, {most}: {counts}.")
    say(f"Fleets that broke a rule: {broken}. {spent:.0f} s of CPU.")
    return broken


def main() -> int:
    """Exit code 1 beyond a limit."""
    quick = parse_quick(__doc__, "fewer rollouts and ticks")
    say_header("Controller: many canaries at once", f"load {os.getloadavg()[0]:.1f}")
    row, within = measure(*((QUICK_ROLLOUTS, QUICK_TICKS) if quick else (ROLLOUTS, TICKS)))
    columns = (
        "rollouts",
        "queries a tick",
        "limit",
        "read, CPU s",
        "limit",
        "passes, CPU s",
        "requests to the API",
    )
    say_table(columns, [row])
    say("One metric, one source, every rollout read and decided about in each tick; median (min-max).\n")
    broken = play_days(QUICK_FLEETS if quick else FLEETS)
    return 0 if within and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
