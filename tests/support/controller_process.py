"""`meshsplit controller` as a process of its own, whose log lines are read as they come."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.scene import Scene
from support.waiting import DEADLINE_SECONDS

COMMAND = [sys.executable, "-m", "meshsplit", "controller"]


class Process:
    """A controller."""

    def __init__(self, *words: str) -> None:
        self.lines: list[str] = []
        self.program = subprocess.Popen(
            [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.program.stderr is not None
        for line in self.program.stderr:
            self.lines.append(line)

    def logs(self) -> list[dict[str, Any]]:
        """What it logged; every line is JSON."""
        return [json.loads(line) for line in list(self.lines)]

    def said(self, message: str) -> dict[str, Any] | None:
        """The first record of that message."""
        return next((record for record in self.logs() if record["message"] == message), None)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after that signal."""
        self.program.send_signal(number)
        code = self.program.wait(DEADLINE_SECONDS)
        self._reader.join()
        return code


@contextmanager
def started(*words: str) -> Iterator[Process]:
    process = Process(*words)
    try:
        yield process
    finally:
        if process.program.poll() is None:
            process.program.kill()
        process.program.wait()


def flags(scene: Scene) -> list[str]:
    return ["--kubeconfig", str(scene.api.kubeconfig), "--lease-namespace", scene.namespace]
