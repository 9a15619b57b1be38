"""The demo's canary: traffic, faults, every decision as it is made, and how it ended."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.rules import Rules
from meshsplit.api.status import ModelSplitStatus
from meshsplit.cli.decisionlog import HEADER, DecisionLog
from meshsplit.cli.democompare import Ended, to_comparison
from meshsplit.cli.demoscenarios import CANARY, STABLE
from meshsplit.cli.demosplit import BODY, CHANGE_SECONDS, PATH
from meshsplit.cli.localmesh import CannotServe
from meshsplit.cli.walkthrough import GROUP
from meshsplit.local.stream import Stream
from meshsplit.manifests.reader import read_text
from meshsplit.manifests.writer import write_documents
from meshsplit.model import FULL
from meshsplit.rollout.state import Phase
from meshsplit.simulation.words import to_weight

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from meshsplit.cli.demoscenarios import CanaryScenario
    from meshsplit.cli.localmesh import LocalMesh
    from meshsplit.cli.output import Output
    from meshsplit.local.traffic import Tally

SPLIT_FILE = "split.yaml"
READ_SECONDS = 2.0
"""The example's `analysis.interval`."""
LONGEST_SECONDS = 300.0
"""The demo's rollouts take about a minute; a busy machine may need a few times that."""
LOOK_SECONDS = 0.1
RULES = Rules()
ENDS = {Phase.PROMOTED: "promoted", Phase.ROLLED_BACK: "rolled back", Phase.INCONCLUSIVE: "held"}
"""The phases at which the demo is over, in words."""


def prepare_folder(folder: Path, scenario: CanaryScenario) -> None:
    """Make the ModelSplit of the copied example the scenario's."""
    if scenario.canary or scenario.analysis:
        path = folder / SPLIT_FILE
        example = read_text(path.read_text(encoding="utf-8"), SPLIT_FILE).documents[0].body
        path.write_text(write_documents([scenario.make_split(example)]), encoding="utf-8")


def show_canary(
    mesh: LocalMesh, scenario: CanaryScenario, seed: int, stop: threading.Event, output: Output
) -> bool:
    """Walk the rollout under load to its end; whether that is the scenario's, False when `stop` comes first.

    CannotServe when there is no end in time.
    """
    _say_what_comes(scenario, output)
    log = DecisionLog(CANARY, READ_SECONDS)
    with _sending(mesh, scenario, seed) as stream:
        last = _follow(mesh, log, _Faults(mesh, scenario, seed, output), stop, output)
        if last is None:
            return False
        _await_share(mesh, log.weight, stop)
        tally = stream.tally
    return _say_how_it_ended(last, log, scenario, tally, output)


class _Faults:
    """Makes the models behave as the scenario has it at the canary's weight."""

    def __init__(self, mesh: LocalMesh, scenario: CanaryScenario, seed: int, output: Output) -> None:
        self._mesh, self._scenario, self._seed, self._output = mesh, scenario, seed, output
        self._largest = 0
        self._now = scenario.make_behaviours(self._largest, seed)
        mesh.session.behave(self._now)

    def follow(self, weight: int) -> None:
        """The canary has so many thousandths now."""
        self._largest = max(self._largest, weight * FULL // FULL_WEIGHT)
        wanted = self._scenario.make_behaviours(self._largest, self._seed)
        if wanted != self._now:
            self._now = wanted
            self._mesh.session.behave(wanted)
            self._output.answer(
                self._output.stdout.doubtful(
                    f"         from now on {CANARY} fails {self._scenario.failing:.0%} of its requests"
                )
            )


def _say_what_comes(scenario: CanaryScenario, output: Output) -> None:
    output.answer(f"rollout  {STABLE} → {CANARY}, {scenario.says}")
    output.answer(f"traffic  {scenario.rate:g} requests a second, REST and gRPC")
    output.answer(
        f"rule     harm {RULES.harm_needed:g} rolls back, wrongly at most {RULES.false_rollback_rate:.0%}; "
        f"safety {RULES.safety_needed:g} promotes, wrongly at most {RULES.miss_rate:.0%}\n"
    )
    output.answer(output.stdout.faint(HEADER))


@contextmanager
def _sending(mesh: LocalMesh, scenario: CanaryScenario, seed: int) -> Iterator[Stream]:
    stream = Stream(mesh.session.url, PATH, BODY, GROUP.name, scenario.rate, seed)
    stream.start()
    try:
        yield stream
    finally:
        stream.stop()


def _follow(
    mesh: LocalMesh, log: DecisionLog, faults: _Faults, stop: threading.Event, output: Output
) -> ModelSplitStatus | None:
    """Print every decision; the status that tells the end, None when `stop` comes first."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not stop.wait(LOOK_SECONDS):
        mesh.require_running()
        status = _find_status(mesh)
        seen = log.take(status)
        if seen is not None:
            output.answer(seen.paint(output.stdout))
            faults.follow(seen.after)
        if status.rollout is not None and status.rollout.state in ENDS:
            return status
        if time.monotonic() > deadline:
            raise CannotServe(f"no end of the rollout; see: kubectl describe msplit {GROUP.name}")
    return None


def _find_status(mesh: LocalMesh) -> ModelSplitStatus:
    from meshsplit.local.cluster import MODEL_SPLITS  # needs packages that other verbs do without

    bodies = mesh.session.cluster.list([MODEL_SPLITS])
    found = next((body for body in bodies if body["metadata"]["name"] == GROUP.name), {})
    return ModelSplitStatus.model_validate(found.get("status", {}))


def _await_share(mesh: LocalMesh, weight: int, stop: threading.Event) -> None:
    """Wait until Envoy gives the canary its last weight."""
    deadline = time.monotonic() + CHANGE_SECONDS
    while not stop.wait(LOOK_SECONDS):
        split = mesh.splits.current.get(GROUP)
        if split is not None and split.of(CANARY) * FULL_WEIGHT == weight * split.total:
            return
        mesh.require_running()
        if time.monotonic() > deadline:
            raise CannotServe(f"the last split does not serve; see: kubectl describe msplit {GROUP.name}")


def _say_how_it_ended(
    last: ModelSplitStatus, log: DecisionLog, scenario: CanaryScenario, tally: Tally, output: Output
) -> bool:
    rollout, decision = last.rollout, last.last_decision
    assert rollout is not None  # noqa: S101 - it has ended
    assert decision is not None  # noqa: S101
    how = ENDS[Phase(rollout.state)]
    began = rollout.started_at or decision.time
    canary = dict(tally.served).get(CANARY, 0) + tally.failed
    ended = Ended(how, (decision.time - began).total_seconds(), canary, tally.failed)
    expected = rollout.state == scenario.expected
    paint = output.stdout.good if expected else output.stdout.bad
    held = ""
    if rollout.state == Phase.INCONCLUSIVE:
        held = f" at {to_weight(log.weight)}%: too little evidence for either"
    output.answer(f"\n{paint(f'{CANARY} is {how}{held}')}")
    output.answer(f"Callers sent {tally.total:,} requests and saw {tally.failed:,} fail.")
    if log.reads:
        output.answer(f"\n{to_comparison(ended, log.reads)}\n")
    if not expected:
        output.say(f"error: {scenario.name} was to be {ENDS[scenario.expected]}")
    return expected
