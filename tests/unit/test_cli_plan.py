"""`meshsplit plan`: steps, exposure, obstacles, objects."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from meshsplit.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PROGRESSIVE = str(ROOT / "examples" / "progressive")
LIKELY = ("--traffic", "120rps", "--baseline-errors", "0.2%")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *arguments])


def test_the_steps_the_total_and_the_cost_of_faults_are_said() -> None:
    result = run(PROGRESSIVE, *LIKELY)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "modelmesh-apps/ai-model: canary from ai-model-v1 to ai-model-v2"
    assert lines[2].split() == ["step", "weight", "canary", "req/s", "likely", "time", "because"]
    assert lines[3].split()[:5] == ["1", "0", "→", "0.5", "0.6"]
    assert "Likely total 3m if ai-model-v2 is as good as ai-model-v1. Deadline 2h." in result.stdout
    assert "If ai-model-v2 fails 2 times as often (0.40%), it is rolled back at" in result.stdout
    assert "If ai-model-v2 fails 10 times as often (2.0%), it is rolled back at" in result.stdout
    assert "No rule needs fewer than" in result.stdout
    assert "  + VirtualService   ai-model-splitting" in result.stdout
    assert "  ~ ModelSplit       ai-model             status only" in result.stdout
    assert lines[-1] == "Plan: 3 to create, 0 to change, 0 to delete. 0 errors, 0 warnings, 0 notes."


def test_what_cannot_be_shown_in_time_is_a_finding_with_what_would_help() -> None:
    result = run(PROGRESSIVE, "--traffic", "0.5rps", "--baseline-errors", "0.2%")
    assert result.exit_code == 0
    assert "warning MSP503 showing that ai-model-v2 is safe by metric error-rate takes about" in result.stderr
    assert "margin.add" in result.stderr
    assert "a deadline of" in result.stderr
    assert "No verdict is likely within 2h" in result.stdout


def test_a_failure_budget_that_stops_the_ramp_is_named(tmp_path: Path) -> None:
    for path in Path(PROGRESSIVE).iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("failureBudget: 20", "failureBudget: 0"))
    result = run(str(tmp_path), *LIKELY)
    assert "MSP503 the failure budget of 0 failures in 30s keeps ai-model-v2 below" in result.stderr
    assert "fix: raise strategy.canary.failureBudget" in result.stderr


def report_of(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "-o", "json")
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["kind"] == "PlanReport"
    return report


def test_the_report_has_the_numbers() -> None:
    (rollout,) = report_of(PROGRESSIVE, *LIKELY)["rollouts"]
    assert (rollout["stable"], rollout["canary"]) == ("ai-model-v1", "ai-model-v2")
    plan = rollout["plan"]
    assert plan["healthy"]["outcome"] == "Promoted"
    assert sum(step["seconds"] for step in plan["healthy"]["steps"]) == plan["healthy"]["seconds"]
    assert [fault["ratio"] for fault in plan["faults"]] == [2.0, 10.0]
    assert plan["obstacles"] == []


def test_without_traffic_only_the_objects_are_planned() -> None:
    result = run(PROGRESSIVE)
    assert result.exit_code == 0
    assert "Times and exposure need --traffic and --baseline-errors." in result.stderr
    assert report_of(PROGRESSIVE)["rollouts"][0]["plan"] is None


def test_one_of_traffic_and_errors_is_not_enough() -> None:
    result = run(PROGRESSIVE, "--traffic", "5rps")
    assert result.exit_code == 2
    assert "give both" in result.output


def test_a_group_without_a_strategy_is_set_at_once() -> None:
    result = run(str(ROOT / "examples" / "modelmesh-canary"), *LIKELY)
    assert "modelmesh-apps/ai-model: set to ai-model-one=80,ai-model-two=20 at once" in result.stdout


def test_objects_that_are_in_the_input_already_are_not_created(tmp_path: Path) -> None:
    rendered = CliRunner().invoke(cli, ["render", PROGRESSIVE]).stdout
    (tmp_path / "deployed.yaml").write_text(rendered)
    result = run(PROGRESSIVE, str(tmp_path), *LIKELY)
    assert "Plan: 0 to create, 0 to change, 0 to delete." in result.stdout
    (tmp_path / "deployed.yaml").write_text(rendered.replace("ai-model-v1=100", "ai-model-v1=99"))
    assert "~ VirtualService   ai-model-splitting" in run(PROGRESSIVE, str(tmp_path), *LIKELY).stdout


def test_what_cannot_be_understood_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "deployed.yaml").write_text(CliRunner().invoke(cli, ["render", PROGRESSIVE]).stdout)
    for path in Path(PROGRESSIVE).iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("stableMember", "stabelMember"))
    result = run(str(tmp_path), *LIKELY)
    assert result.exit_code == 1
    assert "did you mean stableMember?" in result.stderr
    assert ", 0 to delete." in result.stdout


def test_a_blue_green_group_stays_until_it_is_flipped(tmp_path: Path) -> None:
    for path in Path(PROGRESSIVE).iterdir():
        text = path.read_text().replace("    canary:\n      failureBudget: 20\n", "    blueGreen: {}\n")
        (tmp_path / path.name).write_text(text)
    result = run(str(tmp_path), *LIKELY)
    assert "modelmesh-apps/ai-model: stays at ai-model-v1=100,ai-model-v2=0" in result.stdout


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_errors_make_the_exit_code_one_in_every_format(tmp_path: Path, output: str) -> None:
    for path in Path(PROGRESSIVE).iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    models = tmp_path / "models.yaml"
    models.write_text(models.read_text().replace('"0"', '"30"'))
    assert run(str(tmp_path), *LIKELY, "-o", output).exit_code == 1
