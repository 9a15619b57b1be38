"""A thread that does one thing whenever objects of some kinds have changed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.local.apiserver.inside import Changes

# Writes that belong together come a few milliseconds apart; nobody waits for a hundred.
QUIET_SECONDS = 0.01
BURST_SECONDS = 0.1
_IDLE_SECONDS = 3600.0


class Worker:
    """Calls `work` at its start and after changes, in one thread; `work` may say when to be called next.

    What it returns are seconds from then on, None for no earlier than the next change. An error ends the
    worker and is raised by `require_running`.
    """

    def __init__(self, name: str, changes: Changes, work: Callable[[], float | None]) -> None:
        self._changes = changes
        self._work = work
        self._stopping = threading.Event()
        self._worked = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread and wait until it has worked once; raises what went wrong with that."""
        self._thread.start()
        self._worked.wait()
        self.require_running()

    def require_running(self) -> None:
        """Raise the error that ended the worker, if one did."""
        if self._failure is not None:
            raise self._failure

    def wake(self) -> None:
        """Work again, as after a change; for any thread."""
        self._changes.wake()

    def stop(self) -> None:
        """End the thread and wait for it; again, or before it was started, is harmless."""
        self._stopping.set()
        self._changes.wake()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                seconds = self._work()
                self._worked.set()
                self._changes.wait(
                    _IDLE_SECONDS if seconds is None else seconds, QUIET_SECONDS, BURST_SECONDS
                )
        except Exception as error:  # noqa: BLE001 - raised again where somebody can act on it
            self._failure = error
        finally:
            self._worked.set()
