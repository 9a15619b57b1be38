"""How MLServer processes are found, started, replaced and ended; a small program stands in for MLServer."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from meshsplit.local.mlserver.installed import ENVIRONMENT, find_mlserver, train_iris
from meshsplit.local.mlserver.servers import MLServers
from meshsplit.local.models.process import ModelServerError
from meshsplit.local.models.spec import Ports, StandardServing
from support.processes import is_alive
from support.waiting import DEADLINE_SECONDS, eventually

PROGRAM = f"""#!{sys.executable} -S
import http.server, json, pathlib, socket, sys
folder = pathlib.Path(sys.argv[2])
settings = json.loads((folder / "settings.json").read_text())
model = json.loads((folder / "model-settings.json").read_text())["name"]
if model == "broken":
    sys.exit("no such model")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == f"/v2/models/{{model}}/ready" else 404)
        self.end_headers()
rpc = socket.create_server((settings["host"], settings["grpc_port"]))
http.server.HTTPServer((settings["host"], settings["http_port"]), Handler).serve_forever()
"""


class Stage:
    """MLServers of that program, what they said, and whether something changed."""

    def __init__(self, folder: Path) -> None:
        executable = folder / "mlserver"
        executable.write_text(PROGRAM)
        executable.chmod(0o755)
        self.said: list[str] = []
        self.changed = threading.Event()
        self.servers = MLServers(executable, folder / "model", folder / "servers", self.said.append)
        self.servers.notify(self.changed.set)

    @property
    def complaints(self) -> list[str]:
        """What was said, apart from a port that somebody else took first: then it is started anew."""
        return [line for line in self.said if "Address already in use" not in line]

    def serve(self, *servings: StandardServing) -> dict[str | None, Ports]:
        return {isvc: ports for (_, isvc), ports in self.servers.serve(servings).items()}

    def wait_for(self, *servings: StandardServing) -> dict[str | None, Ports]:
        """Their ports once all answer."""
        eventually(lambda: len(self.serve(*servings)) == len(servings), "all answer")
        return self.serve(*servings)


def ask_ready(ports: Ports, model: str) -> int:
    url = f"http://127.0.0.1:{ports.rest}/v2/models/{model}/ready"
    return httpx.get(url, timeout=DEADLINE_SECONDS).status_code


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr("meshsplit.local.mlserver.server.RESTART_SECONDS", 0.05)
    running = Stage(tmp_path)
    yield running
    running.servers.stop()


def test_each_has_a_process_that_is_announced_when_its_model_has_loaded(stage: Stage) -> None:
    one, two = StandardServing("ns", "one", "m"), StandardServing("ns", "two", "m")
    assert stage.serve(one, two) == {}
    found = stage.wait_for(one, two)
    assert stage.changed.is_set()
    assert found["one"].pid != found["two"].pid
    assert ask_ready(found["one"], "m") == 200
    assert stage.serve(two) == {"two": found["two"]}
    eventually(lambda: not is_alive(found["one"].pid), "the process of one has ended")
    assert stage.complaints == []


def test_another_served_name_is_another_process(stage: Stage) -> None:
    before = stage.wait_for(StandardServing("ns", "one", "m"))["one"]
    after = stage.wait_for(StandardServing("ns", "one", "renamed"))["one"]
    assert after.pid != before.pid
    assert ask_ready(after, "renamed") == 200


def test_one_that_ends_by_itself_is_said_and_started_anew(stage: Stage) -> None:
    serving = StandardServing("ns", "one", "m")
    before = stage.wait_for(serving)["one"]
    os.kill(before.pid, signal.SIGKILL)
    eventually(lambda: stage.serve(serving).get("one", before) != before, "another process")
    assert "MLServer of ns/one has ended" in stage.said[0]


def test_one_that_cannot_load_its_model_says_why_and_is_not_announced(stage: Stage) -> None:
    broken = StandardServing("ns", "one", "broken")
    stage.serve(broken)
    eventually(lambda: len(stage.said) > 1, "it is tried again")
    assert stage.said[0] == "warning: MLServer of ns/one has ended: no such model"
    assert stage.serve(broken) == {}


def test_what_is_missing_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    options = ("--gateway-port", "0", "--model-server", "mlserver")
    done = subprocess.run(
        [sys.executable, "-m", "meshsplit", "local", "folder", *options],
        cwd=tmp_path,
        env={**os.environ, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "MLServer is not installed" in done.stderr
    assert "python3 -m venv .venv-mlserver" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_working_folders_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere" / "mlserver"
    here = tmp_path / ENVIRONMENT / "bin" / "mlserver"
    for path in (elsewhere, here):
        path.parent.mkdir(parents=True)
        path.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(elsewhere.parent))
    assert find_mlserver() == here
    here.unlink()
    assert find_mlserver() == elsewhere


def test_an_environment_without_scikit_learn_is_said(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    with pytest.raises(ModelServerError, match=r"cannot train a model with .*No module named 'joblib'"):
        train_iris(tmp_path / "mlserver", tmp_path / "model")
    with pytest.raises(ModelServerError, match=r"cannot train a model with .*No such file"):
        train_iris(tmp_path / "nowhere" / "mlserver", tmp_path / "model")
