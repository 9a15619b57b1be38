"""Processes that cannot outlive this one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The kernel kills a process when its parent's thread ends (prctl 1 is PR_SET_PDEATHSIG), but only from the
# moment it was asked to, so the parent may be gone already. exec keeps the setting.
_TETHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that wanted this one is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start `command`, its output in `log`, from a thread that lives as long as it does.

    The kernel's tether is to the thread that forked, and the caller's thread may end before the process. A
    session of its own keeps a Ctrl-C for us from reaching it. OSError when it cannot be started.
    """
    tethered = [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]
    started: Future[subprocess.Popen[bytes]] = Future()

    def run() -> None:
        with log.open("wb") as output:
            try:
                process = _open(tethered, output)
            except OSError as error:
                started.set_exception(error)
                return
        started.set_result(process)
        process.wait()

    threading.Thread(target=run, name="tether", daemon=True).start()
    return started.result()


def _open(command: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own binaries and options, no shell
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
