"""`meshsplit controller` as it is deployed: a process with flags, logs, probes and signals."""

import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from meshsplit.kube.leader import LEASES
from support.controller_process import COMMAND, flags, started
from support.scene import Scene
from support.waiting import DEADLINE_SECONDS, eventually


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_routes_groups_logs_json_and_ends_on_a_signal(scene: Scene, number: signal.Signals) -> None:
    scene.pair()
    with started(*flags(scene), "--listen", "127.0.0.1:0") as process:
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")
        assert process.end(number) == 130
        assert process.program.stdout is not None
        assert process.program.stdout.read() == ""
    applied = [record for record in process.logs() if record["message"] == "applied"]
    assert f"VirtualService/{scene.namespace}/mnist-splitting" in [record["object"] for record in applied]
    assert {record["level"] for record in process.logs()} <= {"info", "warning"}
    lease = scene.user.get(LEASES, "meshsplit", scene.namespace)
    assert not lease["spec"].get("holderIdentity"), "the lead was released"


def test_it_serves_its_pages_where_it_is_told_to(scene: Scene) -> None:
    place = _free_place()
    with started(*flags(scene), "--listen", place) as process:
        url = f"http://{place}"
        eventually(lambda: _get(f"{url}/readyz") == "ok\n", "it is ready")
        assert _get(f"{url}/healthz") == "ok\n"
        assert "meshsplit" in (_get(f"{url}/metrics") or "")
        assert process.end() == 130


def test_a_port_that_is_taken_is_one_clear_message(scene: Scene) -> None:
    with started(*flags(scene), "--listen", f"127.0.0.1:{_port_of(scene)}") as process:
        assert process.program.wait(DEADLINE_SECONDS) == 2
        eventually(lambda: process.lines, "it says why")
        assert re.search(
            r"cannot listen on 127\.0\.0\.1:\d+: .*; choose another with --listen", process.lines[-1]
        )


@pytest.mark.parametrize("content", [None, "nonsense: ["])
def test_a_kubeconfig_that_is_none_is_one_clear_message(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    done = subprocess.run(
        [*COMMAND, "--kubeconfig", str(path), "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_process_that_is_killed_is_continued_by_the_next(scene: Scene) -> None:
    scene.pair()
    alone = [*flags(scene), "--no-leader-election", "--listen", "127.0.0.1:0"]
    with started(*alone) as process:
        scene.serves("mnist-v1=80,mnist-v2=20")
        process.program.kill()
        process.program.wait()
    scene.edit("mnist-v1", "60")
    scene.edit("mnist-v2", "40")
    with started(*alone) as process:
        scene.serves("mnist-v1=60,mnist-v2=40")
        scene.says("Ready", "True", "Steady")
        assert process.end() == 130


def _get(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - on this machine
            return str(answer.read().decode())
    except OSError:
        return None


def _free_place() -> str:
    """Where nobody listens, and on a loopback address where nobody else will: connections use 127.0.0.1."""
    address = "127.0.0.2"
    with socket.socket() as probe:
        probe.bind((address, 0))
        return f"{address}:{probe.getsockname()[1]}"


def _port_of(scene: Scene) -> int:
    return int(scene.api.configuration.host.rpartition(":")[2])
