"""A `meshsplit local` process for a test, and the ways to talk to it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
# More than `meshsplit local` itself waits for its models (SETTLE_SECONDS).
START_SECONDS = 120.0
STOP_SECONDS = 60.0


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll `condition` until it holds; fails the test when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class LocalMesh:
    """A running local mesh: the URLs of its gateway and for callers inside, its cluster's kubeconfig, the
    folder it follows, its process and what it prints to.
    """

    url: str
    inside: str
    kubeconfig: Path
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace text in a manifest as an editor does: written beside, renamed in."""
        path = self.folder / file
        text = path.read_text()
        assert before in text, f"{before!r} is not in {file}"
        beside = path.with_suffix(".tmp")
        beside.write_text(text.replace(before, after))
        beside.replace(path)


@contextmanager
def started(folder: Path, *options: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`meshsplit local` with its output in `cwd`/local.log; killed at the end if it still runs."""
    with (cwd / "local.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "meshsplit", "local", str(folder), *options],
            cwd=cwd,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def local_mesh(source: Path, work: Path, *options: str) -> Iterator[LocalMesh]:
    """Serve a copy of `source`; at the end the process must stop by itself on SIGINT.

    Again in the same `work` it goes on with the copy that is there, and with the cluster's state.
    """
    folder = work / "manifests"
    if not folder.exists():
        shutil.copytree(source, folder)
    ready = work / "ready.json"
    log = work / "local.log"
    usual = ("--gateway-port", "0", "--ready-file", str(ready))
    with started(folder, *usual, *options, cwd=work) as process:
        wait_for(
            lambda: ready.exists() or process.poll() is not None,
            START_SECONDS,
            "the ready file",
        )
        assert ready.exists(), log.read_text()
        announced = json.loads(ready.read_text())
        assert announced["pid"] == process.pid
        urls = announced["gateway"], announced["mesh"]
        yield LocalMesh(*urls, Path(announced["kubeconfig"]), folder, process, log)
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
        assert not ready.exists()
