"""`meshsplit demo`: every scenario comes out as it should, with the shipped controller and a real Envoy."""

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.local_mesh import STOP_SECONDS, wait_for
from support.processes import children_of, is_alive

SECONDS = 240
RULES = ("meshsplit", "Flagger", "Argo Rollouts")
LINE = re.compile(
    r"^\d\d:\d\d:\d\d step=(?P<step>\d/3) weight=(?P<weight>\S+) +(?P<act>[A-Z]+)"
    r"(?: +(?P<bad>\d+)/(?P<requests>\d+) .* harm=\S+ +safety=\S+.*)?$",
    re.MULTILINE,
)
ROW = re.compile(r"^(meshsplit|Flagger|Argo Rollouts) +(.*?)  +(\S.*?)  +([\d,]+) +([\d,]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """What a run of the demo printed: acts with the canary's weights, and the comparison."""

    text: str

    @property
    def acts(self) -> list[tuple[str, str]]:
        return [(line["act"], line["weight"]) for line in LINE.finditer(self.text)]

    @property
    def moves(self) -> list[tuple[str, str]]:
        return [move for move in self.acts if move[0] != "HOLD"]

    @property
    def rows(self) -> dict[str, tuple[str, int]]:
        """How each rule ended, and how many requests failed."""
        return {
            name: (outcome, int(failed.replace(",", "")))
            for name, outcome, _, _, failed in ROW.findall(self.text)
        }

    @property
    def failed(self) -> int:
        found = re.search(r"^Callers sent [\d,]+ requests and saw ([\d,]+) fail\.$", self.text, re.MULTILINE)
        assert found, self.text
        return int(found[1].replace(",", ""))


def command(scenario: str, *options: str) -> list[str]:
    words = ["demo", "--scenario", scenario, "--gateway-port", "0", "--seed", "1"]
    return [sys.executable, "-m", "meshsplit", *words, *options]


def show(scenario: str, work: Path, *others: str) -> Shown:
    """Run it to its end; `others` is what it leaves beside the manifests."""
    done = subprocess.run(
        command(scenario, "--once"),
        cwd=work,
        env={**os.environ, "HOME": str(work)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kubectls = {".kube"}  # the cache of the kubectl that it runs, in HOME
    assert {path.name for path in work.iterdir()} - kubectls == {".meshsplit"}
    assert [path.name for path in (work / ".meshsplit").iterdir()] == ["demo"]
    left = {path.name for path in (work / ".meshsplit" / "demo").iterdir()}
    assert left == {"manifests", *others}
    return Shown(done.stdout)


@pytest.mark.long
def test_a_good_version_is_promoted_without_a_failed_request(tmp_path: Path) -> None:
    shown = show("good", tmp_path)
    assert shown.moves == [
        ("START", "0→10"),
        ("ADVANCE", "10→30"),
        ("ADVANCE", "30→50"),
        ("PROMOTE", "50→100"),
    ]
    assert shown.failed == 0
    assert shown.rows == dict.fromkeys(RULES, ("promoted", 0))


def test_a_bad_version_is_rolled_back_before_others_would_have_seen_it(tmp_path: Path) -> None:
    shown = show("bad", tmp_path)
    assert shown.moves == [("START", "0→10"), ("ROLLBACK", "10→0")]
    assert set(shown.rows) == set(RULES)
    assert {outcome for outcome, _ in shown.rows.values()} == {"rolled back"}
    ours, flagger, argo = (shown.rows[name][1] for name in RULES)
    assert 0 < ours == shown.failed < flagger < argo


def test_a_slow_version_is_rolled_back_by_its_latency_alone(tmp_path: Path) -> None:
    shown = show("slow", tmp_path)
    assert shown.moves == [("START", "0→10"), ("ROLLBACK", "10→0")]
    assert re.search(r" ROLLBACK .* latency>[\d.]+s$", shown.text, re.MULTILINE)
    assert shown.failed == 0
    assert shown.rows["Flagger"] == shown.rows["Argo Rollouts"] == ("promoted", 0)


def test_hardly_any_traffic_promotes_nothing(tmp_path: Path) -> None:
    shown = show("quiet", tmp_path)
    assert shown.moves == [("START", "0→10")]
    assert shown.rows["meshsplit"] == ("held", 0)
    assert "is held at 10%: too little evidence" in shown.text


def test_a_version_takes_over_from_another_and_nothing_fails(tmp_path: Path) -> None:
    text = show("disvc", tmp_path, "iris.yaml").text
    assert re.search(r"^meanwhile +[\d,]{3,} requests, 0 failed$", text, re.MULTILINE)
    for version in (1, 2):
        rows = re.findall(rf"^iris-v{version}-(\d) +(\d+) +\d+$", text, re.MULTILINE)
        assert [index for index, _ in rows] == ["0", "1"]
        assert sum(int(clients) for _, clients in rows) == 20
        assert f"20 clients of version {version}: each kept its replica by its cookie; 0 requests" in text
    assert text.count('{"model_name":"iris"') == 2
    assert "version 1 is gone" in text


@pytest.mark.long
def test_a_fault_under_load_is_rolled_back(tmp_path: Path) -> None:
    shown = show("late-fault", tmp_path)
    assert shown.moves == [("START", "0→10"), ("ADVANCE", "10→30"), ("ROLLBACK", "30→0")]
    assert all(line["bad"] in {None, "0"} for line in LINE.finditer(shown.text) if line["act"] != "ROLLBACK")
    ours, flagger = shown.rows["meshsplit"][1], shown.rows["Flagger"][1]
    assert 0 < ours < flagger


def test_a_busy_port_is_an_error_that_names_the_flag(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "meshsplit", "demo", "--once", "--gateway-port", port],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert done.returncode == 2
    assert "--gateway-port" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_in_the_middle_of_a_rollout_stops_everything(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command("good"), cwd=tmp_path, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait_for(lambda: " START" in log.read_text() or process.poll() is not None, SECONDS, "the rollout")
        assert process.poll() is None, log.read_text()
        children = children_of(process.pid)
        assert len(children) >= 2
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 130
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert [pid for pid in children if is_alive(pid)] == []
    assert "Traceback" not in log.read_text()
    assert [path.name for path in (tmp_path / ".meshsplit" / "demo").iterdir()] == ["manifests"]
