"""What `simulate` plays: a scenario file, options that override it, and the ModelSplit it names."""

import json
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import click

from meshsplit.analysis.walk import Course
from meshsplit.api.modelsplit import KIND, ModelSplit
from meshsplit.api.validation import to_modelsplit
from meshsplit.cli.inputs import CannotRead, raise_findings, read_own
from meshsplit.manifests.files import UnreadableInput, read_paths
from meshsplit.manifests.reader import DEFAULT_NAMESPACE
from meshsplit.policy import Policy, to_policy, to_seconds
from meshsplit.simulation.quantities import to_rate, to_traffic
from meshsplit.simulation.replay import NotARecording, Recording, to_recording
from meshsplit.simulation.scenario import Expect, Scenario, stable_of, to_phases, to_scenario
from meshsplit.simulation.world import Phase, World

INVALID = "the scenario is not valid"


@dataclass(frozen=True, slots=True)
class Played:
    """A world, the policy it is met with, the members' names, and what is expected."""

    world: World
    policy: Policy
    stable: str
    canary: str
    seed: int
    expect: Expect | None


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says instead of the scenario; None where it says nothing."""

    traffic: float | None
    baseline: float | None
    canary: float | None
    read_seconds: float | None
    lag: float | None
    icc: float | None
    drift: float | None
    weights: tuple[int, ...] | None
    seed: int | None


def load_scenario(path: Path, options: Options) -> Played:
    """The scenario in a file, as the options change it; CannotRead says everything that is wrong with it."""
    value, document = read_own(path, "the scenario", INVALID)
    scenario = to_scenario(value)
    if not isinstance(scenario, Scenario):
        raise_findings(INVALID, scenario, document)
    split = _load_split(path, scenario.split) if scenario.split else None
    policy = to_policy(split.spec) if split else Policy(Course())
    named = scenario.stable or (split.spec.stable_member if split else None)
    stable = stable_of(scenario.errors, named)
    canary = next(name for name in scenario.errors if name != stable)
    world = World(
        traffic=to_traffic(scenario.traffic) or 1.0,
        stable=to_phases(scenario.errors[stable]),
        canary=to_phases(scenario.errors[canary]),
        icc=to_rate(scenario.icc or "0") or 0.0,
        drift=to_rate(scenario.drift or "0") or 0.0,
        read_seconds=to_seconds(scenario.read_interval) or policy.read_seconds,
        lag=to_seconds(scenario.lag) or 0.0,
    )
    played = Played(world, policy, stable, canary, scenario.seed, scenario.expect)
    return override(played, options)


def make_default(options: Options) -> Played:
    """A rollout without a scenario file: constant rates, no ModelSplit."""
    missing = [
        name
        for name, value in (("--rps", options.traffic), ("--baseline-errors", options.baseline))
        if value is None
    ]
    if missing:
        raise click.UsageError(f"name a scenario file, or give {' and '.join(missing)}")
    baseline = options.baseline or 0.0
    world = World(options.traffic or 1.0, (Phase(baseline),), (Phase(baseline),))
    return override(Played(world, Policy(Course()), "stable", "canary", 0, None), options)


def override(played: Played, options: Options) -> Played:
    """The same with what the options say."""
    world, course = played.world, played.policy.course
    changes: dict[str, Any] = {
        "traffic": options.traffic,
        "read_seconds": options.read_seconds,
        "lag": options.lag,
        "icc": options.icc,
        "drift": options.drift,
        "stable": None if options.baseline is None else (Phase(options.baseline),),
        "canary": None if options.canary is None else (Phase(options.canary),),
    }
    world = replace(world, **{name: value for name, value in changes.items() if value is not None})
    if options.weights is not None:
        course = replace(course, ramp=replace(course.ramp, steps=options.weights))
    policy = replace(played.policy, course=course, read_seconds=world.read_seconds)
    seed = played.seed if options.seed is None else options.seed
    return replace(played, world=world, policy=policy, seed=seed)


def _load_split(scenario: Path, named: str) -> ModelSplit:
    """The one ModelSplit in a file, a path from the scenario's folder or else from the working directory."""
    beside = scenario.parent / named
    path = beside if beside.exists() else Path(named)
    try:
        read = read_paths([str(path)], StringIO(), DEFAULT_NAMESPACE)
    except UnreadableInput as error:
        raise CannotRead(f"split: {error}") from None
    documents = [document for document in read.documents if document.ref.kind == KIND]
    if len(documents) != 1:
        raise CannotRead(f"split: {path} has {len(documents)} objects of kind {KIND}, want one")
    split = to_modelsplit(documents[0].body)
    if not isinstance(split, ModelSplit):
        raise_findings(f"split: {path} is not valid", split, documents[0])
    return split


def load_recording(path: Path) -> Recording:
    """A recorded range query; CannotRead when it is none."""
    try:
        recording = to_recording(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, NotARecording) as error:
        raise CannotRead(f"--replay {path}: {error}") from None
    if len(recording.members) != 2:
        names = ", ".join(recording.members) or "none"
        raise CannotRead(f"--replay {path}: want series of two members, found {names}")
    return recording
