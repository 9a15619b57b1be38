"""The threads that take keys from the queue."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from meshsplit.kube.port import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.kube.workqueue import WorkQueue
    from meshsplit.model import GroupKey

log = logging.getLogger(__name__)

Result = str
"""`success`, `requeue_after` or `error`, as controller-runtime counts them."""


def _ignore(_result: Result, _seconds: float) -> None:
    """Measure nothing."""


class Workers:
    """Runs `reconcile(key, failures)` for each key of `queue`; see Reconciler.reconcile.

    What fails is tried again later, longer after each failure of the same key. `may_work` is asked before
    each key: one that lost the lead must not write. `on_done` gets the result and the seconds it took.
    """

    def __init__(
        self,
        queue: WorkQueue[GroupKey],
        reconcile: Callable[[GroupKey, int], float],
        may_work: Callable[[], bool],
        number: int,
        on_done: Callable[[Result, float], object] = _ignore,
    ) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._may_work = may_work
        self._on_done = on_done
        self._threads = [
            threading.Thread(target=self._run, name=f"worker-{index}", daemon=True) for index in range(number)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until the queue is shut down and empty."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self) -> None:
        while (key := self._queue.get()) is not None:
            started = time.monotonic()
            try:
                result = self._work(key) if self._may_work() else "success"
            finally:
                self._queue.done(key)
            self._on_done(result, time.monotonic() - started)

    def _work(self, key: GroupKey) -> Result:
        try:
            pause = self._reconcile(key, self._queue.failures(key))
        except ApiError as error:
            log.warning("not written, will be tried again", extra={"group": str(key), "error": str(error)})
        except Exception:
            log.exception("a bug: please report it", extra={"group": str(key)})
        else:
            self._queue.forget(key)
            if pause > 0.0:
                self._queue.add_after(key, pause)
                return "requeue_after"
            return "success"
        self._queue.add_rate_limited(key)
        return "error"
