"""The threads that take keys from the queue."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from meshsplit.kube.leader import RETRY_SECONDS
from meshsplit.kube.port import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from meshsplit.kube.workqueue import WorkQueue
    from meshsplit.telemetry.metrics import Metrics, Result

log = logging.getLogger(__name__)

K = TypeVar("K", bound="Hashable")


class Workers(Generic[K]):
    """Runs `reconcile(key, failures)` for each key of `queue`; see Reconciler.reconcile.

    `controller` is what metrics and logs call the work. What fails is tried again later, longer after each
    failure of the same key. `may_work` is asked before each key: one that lost the lead must not write, and
    leaves the key until it may.
    """

    def __init__(
        self,
        controller: str,
        queue: WorkQueue[K],
        reconcile: Callable[[K, int], float],
        may_work: Callable[[], bool],
        number: int,
        metrics: Metrics,
    ) -> None:
        self._controller = controller
        self._queue = queue
        self._reconcile = reconcile
        self._may_work = may_work
        self._metrics = metrics
        metrics.watch_queue(controller, queue)
        metrics.add_controller(controller, number)
        self._threads = [
            threading.Thread(target=self._run, name=f"{controller}-{index}", daemon=True)
            for index in range(number)
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
            try:
                if self._may_work():
                    with self._metrics.reconciling(self._controller) as measured:
                        measured.result = self._work(key)
                else:
                    # A lead that was renewed late is held again, and nobody asks for the key once more.
                    self._queue.add_after(key, RETRY_SECONDS)
            finally:
                self._queue.done(key)

    def _work(self, key: K) -> Result:
        asked = 0.0
        try:
            pause = self._reconcile(key, self._queue.failures(key))
        except ApiError as error:
            asked = error.retry_after
            log.warning("not written, will be tried again", extra=self._about(key) | {"error": str(error)})
        except Exception:
            log.exception("a bug: please report it", extra=self._about(key))
        else:
            self._queue.forget(key)
            if pause > 0.0:
                self._queue.add_after(key, pause)
                return "requeue_after"
            return "success"
        self._queue.add_rate_limited(key, asked)
        return "error"

    def _about(self, key: K) -> dict[str, str]:
        return {"controller": self._controller, "group": str(key)}
