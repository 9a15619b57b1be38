"""The demo's scenarios are what they say, and its comparison says how it was made."""

from pathlib import Path

import pytest

from meshsplit.analysis.counts import Counts
from meshsplit.api.modelsplit import ModelSplit
from meshsplit.api.validation import to_modelsplit
from meshsplit.cli.democanary import READ_SECONDS, SPLIT_FILE, prepare_folder
from meshsplit.cli.democompare import HOW, Ended, to_comparison
from meshsplit.cli.demodisvc import is_sticky
from meshsplit.cli.demoscenarios import CANARY, CANARY_SCENARIOS, STABLE, CanaryScenario
from meshsplit.local.clients import Seen
from meshsplit.manifests.reader import read_text
from meshsplit.policy import to_policy
from meshsplit.simulation.peers import Counted

EXAMPLE = Path(__file__).parents[2] / "examples" / "canary" / SPLIT_FILE

every_scenario = pytest.mark.parametrize("scenario", CANARY_SCENARIOS.values(), ids=CANARY_SCENARIOS)


def read_split(path: Path) -> ModelSplit:
    split = to_modelsplit(read_text(path.read_text(), path.name).documents[0].body)
    assert isinstance(split, ModelSplit), split
    return split


@every_scenario
def test_each_scenario_has_a_valid_split(scenario: CanaryScenario, tmp_path: Path) -> None:
    (tmp_path / SPLIT_FILE).write_text(EXAMPLE.read_text())
    prepare_folder(tmp_path, scenario)
    policy = to_policy(read_split(tmp_path / SPLIT_FILE).spec)
    assert policy.read_seconds == READ_SECONDS
    assert policy.course.ramp.steps == (100, 300, 500)
    assert [rule.name for rule in policy.course.rules.metrics] == ["error-rate"]
    assert [wish.name for wish in policy.latency] == (["latency"] if scenario.name == "slow" else [])


@every_scenario
def test_a_scenario_that_changes_nothing_leaves_the_example_as_it_is_written(
    scenario: CanaryScenario, tmp_path: Path
) -> None:
    (tmp_path / SPLIT_FILE).write_text(EXAMPLE.read_text())
    prepare_folder(tmp_path, scenario)
    unchanged = (tmp_path / SPLIT_FILE).read_text() == EXAMPLE.read_text()
    assert unchanged == (scenario.name in {"good", "bad", "late-fault"})


@every_scenario
def test_only_the_canary_has_faults(scenario: CanaryScenario) -> None:
    for weight in (0, 10, 30, 100):
        stable, canary = scenario.make_behaviours(weight, seed=7)
        assert (stable.isvc, canary.isvc) == (STABLE, CANARY)
        assert stable.failing == 0.0
        assert stable.seed != canary.seed
        assert canary.delay_seconds == stable.delay_seconds * scenario.canary_slower


def test_a_late_fault_begins_at_its_weight() -> None:
    late = CANARY_SCENARIOS["late-fault"]
    failing = [late.make_behaviours(weight, 0)[1].failing for weight in (0, 29, 30, 100)]
    assert failing == [0.0, 0.0, 0.1, 0.1]
    assert CANARY_SCENARIOS["bad"].make_behaviours(0, 0)[1].failing == 0.1


def test_the_comparison_is_on_the_same_counts() -> None:
    reads = [Counted(Counts(60, 6, 540, 0), 100, 2.0)]
    table, how = to_comparison(Ended("rolled back", 8.0, 276, 31), reads).split("\n\n")
    assert [" ".join(line.split()) for line in table.splitlines()] == [
        "RULE OUTCOME AFTER TO THE CANARY FAILED",
        "meshsplit rolled back 8s 276 31",
        "Flagger rolled back 6m 5,400 540",
        "Argo Rollouts rolled back 20m 108,000 10,800",
    ]
    assert how == HOW


def test_how_it_was_computed_is_said_with_the_settings_that_were_used() -> None:
    assert "computed, not run" in HOW
    assert "every 1m for 99%, 5 failed ones" in HOW
    assert "every 5m for 95%, 4 failed ones" in HOW
    assert "20, 40, 60, 80%, 10m each" in HOW
    assert max(len(line) for line in HOW.splitlines()) <= 100


@pytest.mark.parametrize(
    ("by_client", "sticky"),
    [
        (({"iris-v2-0": 9}, {"iris-v2-1": 9}), True),
        (({"iris-v2-0": 9}, {"iris-v2-0": 9}), False),
        (({"iris-v2-0": 9, "iris-v2-1": 1}, {"iris-v2-1": 9}), False),
        (({"iris-v2-0": 9}, {"iris-v1-1": 9}), False),
        (({}, {"iris-v2-1": 9}), False),
    ],
)
def test_clients_keep_their_replica_only_if_each_met_one_of_several(
    by_client: tuple[dict[str, int], ...], sticky: bool
) -> None:
    assert is_sticky(Seen(by_client, 0), 2) is sticky
