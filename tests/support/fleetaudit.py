"""Reads everything a controller writes about rollouts, in its order, and holds it to what was promised."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from meshsplit.controller.live import to_split
from meshsplit.model import Split
from meshsplit.rollout.splits import to_thousandths
from support.fleet import SPLITS, Body
from support.generations import split_of
from support.store_api import StoreApi

WEIGHTS = (0, 100, 500, 1000)
"""The canary's, in thousandths: before the rollout, its two steps, and after it."""
FORWARD = frozenset({"Start", "Advance", "Promote"})


@dataclass
class Audit:
    """AssertionError at the first rule that does not hold; at most `most` rollouts may run at the same time.

    `aim` is the member that a group was asked to go to. `statuses` and `splits` are what every group says and
    serves, `records` all that ever stood in a history; `told` counts them by what was done.
    """

    api: StoreApi
    most: int
    aim: Callable[[str], str]
    told: Counter[str]
    statuses: dict[str, Body] = field(default_factory=dict)
    splits: dict[str, Split] = field(default_factory=dict)
    records: dict[str, dict[int, Body]] = field(default_factory=lambda: defaultdict(dict))
    seen: int = 0

    def check(self, stopped: bool) -> None:
        """Read what was written since the last time, while all rollouts were `stopped` or not."""
        routes = self.api.events("networking.istio.io", "virtualservices", self.seen)
        splits = self.api.events("meshsplit.dev", "modelsplits", self.seen)
        for event in sorted([*routes, *splits], key=lambda event: event.version):
            self.seen = max(self.seen, event.version)
            body = event.after
            if body is None:
                continue
            if body["kind"] == SPLITS.kind:
                self._check_status(event.key[1], body.get("status") or {}, stopped)
            elif event.key[1].endswith("-splitting"):
                self._check_routes(event.key[1].removesuffix("-splitting"), split_of(body))
            running = self.list_running()
            assert len(running) <= self.most, f"{len(running)} run at the same time: {running}"
            self.told["most at a time"] = max(self.told["most at a time"], len(running))

    def list_running(self) -> list[str]:
        """The groups whose rollout has moved traffic and has not ended."""
        return [name for name, status in self.statuses.items() if is_running(status)]

    def list_active(self) -> list[str]:
        """The groups whose rollout has not ended."""
        return [name for name, status in self.statuses.items() if is_active(status)]

    def canary_of(self, name: str) -> str:
        """The group's canary, now or next."""
        return str(self.statuses.get(name, {}).get("canary") or f"{name}-v2")

    def _check_status(self, name: str, status: Body, stopped: bool) -> None:
        records, history = self.records[name], status.get("history", [])
        self.statuses[name] = status
        last = max(records, default=0)
        for record in history:
            known = records.setdefault(record["number"], record)
            assert known["weights"] == record["weights"], f"a record of {name} was rewritten: {record}"
            if record["number"] > last:
                self._check_record(name, record, stopped)

    def _check_record(self, name: str, record: Body, stopped: bool) -> None:
        self.told[record["action"]] += 1
        assert record["reason"], f"a record without a reason: {record}"
        if record["action"] not in FORWARD:
            return
        assert not stopped, f"{name} moved although all are stopped: {record}"
        taken = [
            each
            for number, each in sorted(self.records[name].items())
            if each["rollout"] == record["rollout"]
            and number < record["number"]
            and each["action"] in FORWARD
        ]
        canary = self.aim(name)
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


def is_active(status: Body) -> bool:
    """Whether a rollout has not ended."""
    return is_running(status) or (status.get("rollout") or {}).get("state") == "Pending"


def is_running(status: Body) -> bool:
    """Whether a rollout has moved traffic and has not ended."""
    rollout = status.get("rollout") or {}
    return rollout.get("state") in ("Progressing", "AwaitingPromotion", "Inconclusive")
