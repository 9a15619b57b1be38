"""`meshsplit simulate`: scenarios, options, many runs, recordings, and input that is wrong."""

import io
import math
import sys
from pathlib import Path

import pytest

from meshsplit.cli.output import Output
from meshsplit.cli.progress import progress_of
from meshsplit.cli.terminal import Style
from meshsplit.simulation.words import to_clock, to_duration, to_evidence, to_percent
from support.simulating import report_of, run, write

SCENARIO = """\
apiVersion: cli.meshsplit.dev/v1alpha1
kind: Scenario
seed: 7
traffic: 120rps
errors:
  v1: 0.2%
  v2:
  - rate: 0.2%
  - {fromWeight: 25, rate: 3%}
expect: {outcome: RolledBack, maxWeightReached: 34, maxFailedRequests: 100, within: 10m}
"""
SPLIT = """\
apiVersion: meshsplit.dev/v1alpha1
kind: ModelSplit
metadata: {name: mnist, namespace: models}
spec:
  modelTag: mnist
  stableMember: v2
  strategy: {canary: {stepWeights: [5, 20]}}
"""


def test_a_scenario_is_played_and_its_expectations_are_checked(tmp_path: Path) -> None:
    result = run(write(tmp_path, SCENARIO))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "TIME",
        "WEIGHT",
        "CANARY",
        "STABLE",
        "RATIO",
        "(95%)",
        "HARM",
        "SAFETY",
        "DECISION",
    ]
    assert lines[1].split()[:2] == ["00:15", "0.5"]
    assert any(line.endswith("ROLLBACK") for line in lines)
    assert "Outcome: RolledBack after" in result.stdout
    assert "maxWeightReached 33.3 ≤ 34 ✔" in result.stdout
    assert lines[-1].startswith("Next: ")


def test_the_same_seed_is_the_same_rollout_and_another_is_not(tmp_path: Path) -> None:
    path = write(tmp_path, SCENARIO)
    assert run(path).stdout == run(path).stdout
    assert run(path, "--seed", "8").stdout != run(path).stdout


@pytest.mark.parametrize(
    ("expect", "code"),
    [
        ("{outcome: Promoted}", 1),
        ("{outcome: RolledBack, maxFailedRequests: 0}", 1),
        ("{maxWeightReached: 5}", 1),
        ("{within: 15s}", 1),
        ("{outcome: RolledBack}", 0),
    ],
)
def test_the_exit_code_says_whether_it_was_as_expected(tmp_path: Path, expect: str, code: int) -> None:
    text = SCENARIO.split("expect:")[0] + f"expect: {expect}\n"
    for output in ("table", "json", "yaml"):
        assert run(write(tmp_path, text), "-o", output).exit_code == code


def test_without_expectations_a_rollback_is_a_no(tmp_path: Path) -> None:
    assert run(write(tmp_path, SCENARIO.split("expect:")[0])).exit_code == 1
    assert run("--rps", "50", "--baseline-errors", "1%").exit_code == 0


def test_the_split_gives_the_stable_member_and_the_steps(tmp_path: Path) -> None:
    write(tmp_path, SPLIT, "split.yaml")
    text = SCENARIO.split("expect:")[0] + "split: split.yaml\n"
    report = report_of(run(write(tmp_path, text), "-o", "json"))
    assert report["members"] == {"stable": "v2", "canary": "v1"}
    assert {read["weight"] for read in report["reads"]} == {5.0, 20.0}


def test_a_report_has_every_read_with_the_evidence(tmp_path: Path) -> None:
    report = report_of(run(write(tmp_path, SCENARIO), "-o", "json"))
    last = report["reads"][-1]
    assert last["action"] == "Rollback"
    assert last["verdict"]["harm"] >= last["verdict"]["harmNeeded"] == pytest.approx(100)
    assert last["verdict"]["evidence"][0]["canaryFailures"] == sum(
        r["canaryFailures"] for r in report["reads"]
    )
    assert report["outcome"]["outcome"] == "RolledBack"
    assert [each["met"] for each in report["expectations"]] == [True] * 4


def test_many_runs_say_how_often_the_verdict_is_wrong_and_what_no_rule_can_beat() -> None:
    options = ["--rps", "50", "--baseline-errors", "1%", "--canary-errors", "2.5%", "--runs", "40"]
    text = run(*options)
    assert text.exit_code == 0
    assert "canary as good as stable: 40 rollouts" in text.stdout
    assert "no rule needs less than" in text.stdout
    report = report_of(run(*options, "-o", "json"))
    good, bad = report["studies"]
    assert good["falseRollback"]["mean"] <= 0.1
    assert good["missed"] is None
    assert bad["missed"]["mean"] <= 0.2
    assert bad["missBounded"] is True
    assert bad["canaryRequests"]["mean"] > bad["canaryRequests"]["bound"] > 0
    assert bad["excessFailures"]["error"] > 0


@pytest.mark.parametrize("rule", ["flagger", "argo", "kayenta", "fixed-z"])
def test_other_rules_are_played_without_evidence(rule: str) -> None:
    result = run("--rps", "50", "--baseline-errors", "1%", "--rule", rule, "--seed", "3")
    assert result.exit_code in {0, 1}
    assert "Outcome: " in result.stdout


def test_options_override_the_scenario(tmp_path: Path) -> None:
    path = write(tmp_path, SCENARIO.split("expect:")[0])
    options = ["--canary-errors", "0.2%", "--rps", "60", "--read-interval", "30s", "--lag", "30s"]
    options += ["--weights", "10,40", "--icc", "0.001", "--drift", "0.2"]
    report = report_of(run(path, *options, "-o", "json"))
    assert (report["traffic"], report["readSeconds"], report["lagSeconds"]) == (60.0, 30.0, 30.0)
    assert (report["icc"], report["drift"]) == (0.001, 0.2)
    assert {read["weight"] for read in report["reads"]} <= {10.0, 40.0}
    assert report["reads"][0]["seconds"] == 60.0


def test_long_tables_are_thinned_out_unless_all_reads_are_asked_for() -> None:
    options = ["--rps", "2", "--baseline-errors", "0.5%"]
    assert len(run(*options).stdout.splitlines()) < 70
    assert len(run(*options, "--all").stdout.splitlines()) > 100


def test_ascii_is_ascii_and_says_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, SCENARIO)
    for options in ([path], [path, "--runs", "3"], ["--rps", "900", "--baseline-errors", "1%"]):
        plain = run(*options, "--ascii").stdout
        assert plain.isascii()
        assert "\\" not in plain


# Wrong input


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("traffic: 120rps", "traffic: lots"),
            'scenario.yaml:4:10: error MSP007 traffic is "lots", want traffic such as 120rps',
        ),
        (("traffic: 120rps", "trafic: 120rps"), "did you mean traffic?"),
        (("rate: 3%", "rate: 300%"), "want a rate such as 0.2% or 0.002"),
        (("outcome: RolledBack", "outcome: Fine"), "expect.outcome"),
        (("seed: 7", "seed: -1"), "seed is -1"),
        (("seed: 7", "stable: v9"), "stable is v9, which is not in errors"),
        (("seed: 7", "split: nowhere.yaml"), "nowhere.yaml"),
        (("seed: 7", "seed: [7"), "error MSP001"),
    ],
)
def test_a_wrong_scenario_gets_one_clear_answer(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    result = run(write(tmp_path, SCENARIO.replace(*change)))
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    "options",
    [
        ["--rps", "50"],
        ["--rps", "0", "--baseline-errors", "1%"],
        ["--rps", "50", "--baseline-errors", "101%"],
        ["--rps", "50", "--baseline-errors", "1%", "--weights", "10,5"],
        ["--rps", "50", "--baseline-errors", "1%", "--weights", "10,100"],
        ["--rps", "50", "--baseline-errors", "1%", "--lag", "soon"],
        ["--rps", "50", "--baseline-errors", "1%", "--runs", "0"],
        ["nowhere.yaml"],
        ["--replay", "nowhere.json"],
    ],
)
def test_wrong_options_end_with_two(options: list[str]) -> None:
    assert run(*options).exit_code == 2


# Words


def test_numbers_are_written_for_people() -> None:
    assert [to_percent(rate) for rate in (0, 0.5, 0.013, 0.0021, 0.00001)] == [
        "0%",
        "50%",
        "1.3%",
        "0.21%",
        "0.0010%",
    ]
    assert [to_clock(seconds) for seconds in (15, 3599, 3600)] == ["00:15", "59:59", "1:00:00"]
    assert [to_duration(s) for s in (45, 60, 450, 6360, 90000, math.inf)] == [
        "45s",
        "1m",
        "7m 30s",
        "1h 46m",
        "1d 1h",
        "never",
    ]
    assert [to_evidence(value) for value in (0.42, 41.23, 180.4, 1e9)] == ["0.42", "41.2", "180", ">1e6"]


# Progress


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        return True


def test_long_runs_show_progress_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output("table", Style(), Style())
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_of(output, 3, "rollouts") as advance:
            for done in range(1, 4):
                advance(done)
        assert ("rollouts" in stream.getvalue() and "3/3" in stream.getvalue()) is shown
