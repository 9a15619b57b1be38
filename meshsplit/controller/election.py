"""Who of several replicas works: one leads, and knows at least what the one before it knew."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from meshsplit.controller.istioversion import PROBE_SECONDS
from meshsplit.controller.options import LEASE_NAME
from meshsplit.kube.leader import Elector
from meshsplit.kube.port import ApiError, NotFound

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from meshsplit.controller.options import Options
    from meshsplit.controller.watches import Follower
    from meshsplit.kube.leader import LeaseApi
    from meshsplit.kube.port import Reader, Resource
    from meshsplit.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class Election:
    """Whether this process leads: always where `options` ask for no election.

    `on_lost` gets why the process must exit. `on_error` gets what the API said no to and for which resource
    type, None for Leases.
    """

    def __init__(
        self,
        api: LeaseApi,
        options: Options,
        metrics: Metrics,
        on_lost: Callable[[str], object],
        on_error: Callable[[Resource | None, ApiError], object],
    ) -> None:
        self._is_held = options.leader_election
        self._identity = options.identity
        self._metrics = metrics
        self._on_lost = on_lost
        self._on_error = on_error
        self._elector = Elector(
            api,
            options.lease_namespace,
            LEASE_NAME,
            options.identity,
            on_elected=self._win,
            on_lost=self._lose,
            on_error=lambda error: on_error(None, error),
        )

    @property
    def is_leader(self) -> bool:
        """Whether the process may write."""
        return not self._is_held or self._elector.is_leader

    def run(self) -> None:
        """Take part until `stop` or until the lead is lost."""
        self._elector.run()

    def stop(self) -> None:
        """End `run`, from any thread; a lead that is held is released."""
        self._elector.stop()

    def catch_up(self, followers: Iterable[Follower], api: Reader, stopping: threading.Event) -> bool:
        """Read anew what is followed, once the lead is won; False when stopped before that worked.

        A watch may be late without knowing it, and a leader that decides by less than the one before it knew
        goes back behind what that one wrote. Without an election there was none before.
        """
        waiting = list(followers) if self._is_held else []
        while waiting and not stopping.is_set():
            if self._has_caught_up(waiting[0], api, stopping):
                del waiting[0]
        return not stopping.is_set()

    def _has_caught_up(self, follower: Follower, api: Reader, stopping: threading.Event) -> bool:
        try:
            follower.catch_up(api)
        except ApiError as error:
            if stopping.is_set():
                return False
            self._on_error(follower.resource, error)
            if isinstance(error, NotFound):
                return True  # nobody serves the kind any more: whoever waited for it would never work
            stopping.wait(max(PROBE_SECONDS, error.retry_after))
            return False
        return True

    def _win(self) -> None:
        self._metrics.set_leading(LEASE_NAME, leads=True)
        log.info("leading", extra={"identity": self._identity})

    def _lose(self) -> None:
        self._on_lost("the lead was lost: another replica may lead now")
        self._metrics.set_leading(LEASE_NAME, leads=False)
        log.error("lost the lead", extra={"identity": self._identity})
