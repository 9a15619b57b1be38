"""What a ModelSplit asks of the decision rule."""

from typing import Any

import pytest

from meshsplit.analysis.ramp import Ramp
from meshsplit.analysis.rules import NO_WORSE, TWICE, Line, MetricRule
from meshsplit.analysis.walk import Course
from meshsplit.api.modelsplit import ModelSplit
from meshsplit.api.validation import to_modelsplit
from meshsplit.policy import LatencyWish, Policy, to_policy, to_seconds


def policy_of(canary: dict[str, Any] | None = None, analysis: dict[str, Any] | None = None) -> Policy:
    body = {
        "apiVersion": "meshsplit.dev/v1alpha1",
        "kind": "ModelSplit",
        "metadata": {"name": "mnist", "namespace": "models"},
        "spec": {"modelTag": "mnist", "strategy": {"canary": canary or {}}, "analysis": analysis or {}},
    }
    split = to_modelsplit(body)
    assert isinstance(split, ModelSplit), split
    return to_policy(split.spec)


def test_a_split_that_says_nothing_has_the_defaults() -> None:
    assert policy_of() == Policy(Course(max_hold=7200.0))
    assert policy_of().course.rules.metrics == (MetricRule("error-rate", NO_WORSE, TWICE),)


@pytest.mark.parametrize(
    ("canary", "steps"),
    [
        ({"stepWeights": [5, 10, 25, 50]}, (50, 100, 250, 500)),
        ({"stepWeights": [10, 10, 50, 100]}, (100, 500)),  # at 100 there is nothing to compare with
        ({"stepWeight": 20, "maxWeight": 50}, (200, 400, 500)),
        ({"stepWeight": 10}, (100, 200, 300, 400, 500)),
        ({"stepWeight": 60}, (600,)),
        ({"stepWeights": [100]}, ()),
    ],
)
def test_steps(canary: dict[str, Any], steps: tuple[int, ...]) -> None:
    assert policy_of(canary).course.ramp.steps == steps


def test_times_budget_and_rates_are_taken_over() -> None:
    policy = policy_of(
        {"failureBudget": 5, "stepInterval": "60s", "maxHold": "30m", "onComplete": "Hold"},
        {
            "interval": "30s",
            "initialDelay": "1m",
            "deadline": "1h30m",
            "onInconclusive": "Rollback",
            "falseRollbackRate": "0.001",
            "missRate": "0.1",
        },
    )
    assert policy.course.ramp == Ramp(budget=5.0, reaction=45.0, interval=60.0)
    assert (policy.course.deadline, policy.course.max_hold) == (5400.0, 1800.0)
    assert policy.course.rules.harm_needed == pytest.approx(1000)
    assert policy.course.rules.safety_needed == pytest.approx(10)
    assert (policy.read_seconds, policy.initial_delay) == (30.0, 60.0)
    assert (policy.on_inconclusive, policy.on_complete) == ("Rollback", "Hold")


def test_metrics_become_rules_and_a_limit_is_one_more() -> None:
    policy = policy_of(
        analysis={
            "metrics": [
                {"name": "error-rate", "tolerance": {"ratio": "1.2"}, "margin": {"ratio": "2"}},
                {"name": "refusals", "limit": "0.05", "dryRun": True},
                {"name": "both", "tolerance": {"add": "0.01"}, "limit": "0.1"},
            ]
        }
    )
    assert policy.course.rules.metrics == (
        MetricRule("error-rate", Line(1.2), Line(2.0)),
        MetricRule("refusals limit", Line(0.0, 0.05), Line(0.0, 0.05), dry_run=True),
        MetricRule("both", Line(1.0, 0.01), TWICE),
        MetricRule("both limit", Line(0.0, 0.1), Line(0.0, 0.1)),
    )


def test_latency_waits_for_its_edges() -> None:
    policy = policy_of(analysis={"metrics": [{"name": "latency", "tolerance": {"ratio": "1.25"}}]})
    assert policy.latency == (LatencyWish("latency", Line(1.25), TWICE, dry_run=False),)
    # How far a weight may go depends on failures, so these are judged all the same.
    assert policy.course.rules.metrics == (MetricRule("error-rate"),)


@pytest.mark.parametrize(
    ("text", "seconds"), [("15s", 15), ("1h30m", 5400), ("0.5s", 0.5), ("500ms", 0.5), ("1m500ms", 60.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert to_seconds(text) == pytest.approx(seconds)
    assert to_seconds(None) is None
