"""One MLServer process for one InferenceService, started again when it ends."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from meshsplit.local.mesh.listener import LOOPBACK
from meshsplit.local.models.spec import Ports
from meshsplit.local.tether import spawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from meshsplit.local.models.spec import StandardServing

# A kubelet begins with 10 s (CrashLoopBackOff).
RESTART_SECONDS = 10.0
_LOOK_SECONDS = 0.1
_ASK_SECONDS = 2.0
# MLServer gives its own requests 5 s (uvicorn's timeout_graceful_shutdown in mlserver/rest).
_STOP_SECONDS = 15.0
_TAIL_LINES = 5


class MLServerProcess:
    """Serves `serving` from its start until `stop`, with files in `folder`.

    `ports` is None while it does not answer; `changed` is called when that changes, `say` gets a line when
    the process ends by itself.
    """

    def __init__(
        self,
        mlserver: Path,
        serving: StandardServing,
        model: Path,
        folder: Path,
        changed: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._mlserver = mlserver
        self._serving = serving
        self._model = model
        self._folder = folder
        self._changed = changed
        self._say = say
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mlserver {serving.isvc}", daemon=True)
        self.ports: Ports | None = None

    def start(self) -> None:
        """Begin to start the process."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the process end; `wait` waits for it."""
        self._stopping.set()

    def wait(self) -> None:
        """Wait until a process that was told to stop has ended."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            rest, rpc, metrics = _find_free_ports(3)
            process = self._spawn(rest, rpc, metrics)
            while process.poll() is None and not self._stopping.wait(_LOOK_SECONDS):
                if self.ports is None and _is_ready(rest, rpc, self._serving.served_name):
                    self._announce(Ports(rest, rpc, None, process.pid))
            if self._stopping.is_set():
                _end(process)
                return
            self._announce(None)
            self._say(f"warning: MLServer of {self._title} has ended: {self._read_tail()}")
            self._stopping.wait(RESTART_SECONDS)

    def _announce(self, ports: Ports | None) -> None:
        self.ports = ports
        self._changed()

    def _spawn(self, rest: int, rpc: int, metrics: int) -> subprocess.Popen[bytes]:
        settings = {
            "server_name": self._serving.isvc,
            "host": LOOPBACK,
            "http_port": rest,
            "grpc_port": rpc,
            "metrics_port": metrics,
            "debug": False,
            "parallel_workers": 0,  # inference in the server's own process
        }
        model = {
            "name": self._serving.served_name,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(self._model)},
        }
        for name, content in (("settings.json", settings), ("model-settings.json", model)):
            (self._folder / name).write_text(json.dumps(content), encoding="utf-8")
        return spawn([str(self._mlserver), "start", str(self._folder)], self._log)

    @property
    def _log(self) -> Path:
        return self._folder / "mlserver.log"

    @property
    def _title(self) -> str:
        return f"{self._serving.namespace}/{self._serving.isvc}"

    def _read_tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "; ".join(line.strip() for line in lines if line.strip()) or "it said nothing"


def _find_free_ports(count: int) -> list[int]:
    """Ports that nobody listens on. Should somebody take one first, MLServer ends and is restarted."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _is_ready(rest: int, rpc: int, model: str) -> bool:
    """Whether the model has loaded, and gRPC answers, too."""
    connection = HTTPConnection(LOOPBACK, rest, timeout=_ASK_SECONDS)
    try:
        connection.request("GET", f"/v2/models/{model}/ready")
        if connection.getresponse().status != HTTPStatus.OK:
            return False
        socket.create_connection((LOOPBACK, rpc), timeout=_ASK_SECONDS).close()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
