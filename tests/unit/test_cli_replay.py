"""`meshsplit simulate --replay`: recorded range queries, judged."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.simulating import report_of, run, write


def recording_of(bad_canary: float, samples: int = 60) -> dict[str, Any]:
    def answer(series: dict[str, list[float]]) -> dict[str, Any]:
        result = [
            {
                "metric": {"member": m},
                "values": [[1_700_000_000 + 15 * at, str(v)] for at, v in enumerate(values)],
            }
            for m, values in series.items()
        ]
        return {"status": "success", "data": {"resultType": "matrix", "result": result}}

    steps = range(samples)
    good = {"v1": [270.0 * at for at in steps], "v2": [130.0 * at * (1 - bad_canary) // 1 for at in steps]}
    bad = {"v1": [3.0 * at for at in steps], "v2": [130.0 * at * bad_canary // 1 for at in steps]}
    return {"good": answer(good), "bad": answer(bad)}


def test_a_recording_is_judged(tmp_path: Path) -> None:
    bad = write(tmp_path, json.dumps(recording_of(0.1)), "bad.json")
    result = run("--replay", bad)
    assert result.exit_code == 1
    assert "v2 against v1" in result.stdout
    assert "Outcome: RolledBack" in result.stdout
    report = report_of(run("--replay", bad, "-o", "json"))
    assert report["reads"][0]["canaryRequests"] == pytest.approx(130, abs=1)
    good = run("--replay", write(tmp_path, json.dumps(recording_of(0.01)), "good.json"))
    assert (good.exit_code, "Outcome: Promoted" in good.stdout) == (0, True)


def test_the_weights_of_a_recording_count(tmp_path: Path) -> None:
    body = recording_of(0.01)
    body["weights"] = [[1_700_000_000, 10], [1_700_000_000 + 300, 30]]
    report = report_of(run("--replay", write(tmp_path, json.dumps(body), "r.json"), "-o", "json"))
    assert [read["weight"] for read in report["reads"]][19:21] == [10.0, 30.0]
    assert report["outcome"]["seconds"] > 300  # not promoted below the largest weight


def test_hours_of_the_day_do_not_change_a_replay(tmp_path: Path) -> None:
    body = recording_of(0.03)
    before = report_of(run("--replay", write(tmp_path, json.dumps(body), "r.json"), "-o", "json"))
    for counter in ("good", "bad"):
        for series in body[counter]["data"]["result"]:
            series["values"] = [[time + 5.5 * 3600, value] for time, value in series["values"]]
    after = report_of(run("--replay", write(tmp_path, json.dumps(body), "s.json"), "-o", "json"))
    assert before["reads"] == after["reads"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[]", "want a map with good and bad"),
        ("{", "Expecting"),
        ('{"good": {}, "bad": {}}', "good is no answer to a range query"),
        ('{"good": {"data": {"resultType": "vector", "result": []}}}', "want matrix"),
        (
            '{"good": {"data": {"resultType": "matrix", "result": [{"metric": {}, "values": []}]}}}',
            "no label member",
        ),
        (json.dumps({**recording_of(0.1), "weights": [[0, 200]]}), "want percentages"),
        (json.dumps({**recording_of(0.1), "weights": 5}), "weights is no list"),
    ],
)
def test_a_file_that_is_no_recording_is_said_to_be_none(tmp_path: Path, body: str, said: str) -> None:
    result = run("--replay", write(tmp_path, body, "r.json"))
    assert result.exit_code == 2
    assert said in result.output


def test_nan_in_a_recording_is_no_evidence(tmp_path: Path) -> None:
    body = recording_of(0.01)
    for counter in ("good", "bad"):
        for series in body[counter]["data"]["result"]:
            series["values"] = [
                [time, "NaN" if at % 3 == 1 else value] for at, (time, value) in enumerate(series["values"])
            ]
    report = report_of(run("--replay", write(tmp_path, json.dumps(body), "r.json"), "-o", "json"))
    assert report["outcome"]["outcome"] == "Promoted"
    assert report["reads"][0]["seconds"] == 30.0
