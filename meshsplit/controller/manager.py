"""The composition root: followers fill the cache, the leader's workers write what should be there."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meshsplit.controller import resources
from meshsplit.controller.cache import Cache
from meshsplit.controller.claims import Claims
from meshsplit.controller.composition import make_reconciler
from meshsplit.controller.disvc.part import DisvcPart, is_served
from meshsplit.controller.election import Election
from meshsplit.controller.istioversion import PROBE_SECONDS, find_istio_version
from meshsplit.controller.lead import LeadersWriter
from meshsplit.controller.options import Options
from meshsplit.controller.recorder import Recorder
from meshsplit.controller.refusals import Refusals
from meshsplit.controller.sources import Sources, find_pods
from meshsplit.controller.sweep import Sweep
from meshsplit.controller.walk import make_rollouts
from meshsplit.controller.watches import Watches
from meshsplit.controller.workers import Workers
from meshsplit.kube.client import CALL_SECONDS, Client
from meshsplit.kube.leader import LEASE_SECONDS, RENEW_DEADLINE_SECONDS
from meshsplit.kube.port import ApiError
from meshsplit.kube.workqueue import WorkQueue
from meshsplit.telemetry.health import HealthServer
from meshsplit.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshsplit.controller.watches import Follower
    from meshsplit.kube.client import Configuration
    from meshsplit.metrics.targets import Target
    from meshsplit.model import GroupKey, Settings

__all__ = ["Manager", "Options"]

log = logging.getLogger(__name__)

CONTROLLER = "modelsplit"
"""What metrics and logs call the work on groups."""

_LOOK_SECONDS = 0.05
"""How often the starting thread looks whether the caches are full or the lead is ours."""


class Manager:
    """One controller. `start` returns at once; `stop` ends it and waits for its threads.

    OSError when the port of health and metrics is taken.

    `failure` says why it cannot go on, None while it can: then the process must exit, as another may lead.
    `now` is the time of day, by which a status and its Events are dated and held back.
    """

    def __init__(
        self,
        configuration: Configuration,
        options: Options,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.failure: str | None = None
        self.queue: WorkQueue[GroupKey] = WorkQueue()
        self.cache = Cache(Claims())
        self.metrics = Metrics()
        self._configuration = configuration
        self._options = options
        self._now = now
        self._stopping = threading.Event()
        self._refusals = Refusals()
        self._api = self._make_client()
        self._lease_api = self._make_client(timeout=float(LEASE_SECONDS - RENEW_DEADLINE_SECONDS))
        self._election = Election(self._lease_api, options, self.metrics, self._fail, self._refusals.note)
        self._sources = Sources(self._find_targets, options.backends)
        self._rollouts = make_rollouts(
            self._api,
            options,
            self._sources.find,
            self._enqueue,
            self.metrics.notified,
            lambda: self._now().timestamp(),
        )
        self._followers: list[Follower] = []
        self._threads: list[threading.Thread] = []
        self._health = self._make_health(options.listen) if options.listen else None
        self._workers: Workers[GroupKey] | None = None
        self._disvcs: DisvcPart | None = None
        self._feeding = threading.Event()  # set: what is seen before is left to the first sweep
        self._working = threading.Event()

    def start(self) -> None:
        """Begin; whatever is not there yet is waited for."""
        if self._health is not None:
            self._health.start()
        self._spawn("meshsplit", self._run)

    def stop(self) -> None:
        """End everything; a lead that is held is released. Again is harmless."""
        self._stopping.set()
        self.queue.shut_down()
        if self._workers is None:
            self._api.close()  # nothing is worked on: an answer that is still waited for is of no use
        for beginner in self._threads[:1]:
            beginner.join()  # it starts all others, and none once we are stopping
        if self._workers is not None:
            self._workers.join()
        if self._disvcs is not None:
            self._disvcs.stop()
        self._rollouts.stop()
        self._election.stop()
        for follower in self._followers:
            follower.stop()
        for thread in self._threads:
            thread.join()
        self._sources.close()
        self._api.close()
        self._lease_api.close()
        if self._health is not None:
            self._health.stop()

    @property
    def port(self) -> int:
        """Where health and metrics are served; 0 when they are not."""
        return self._health.port if self._health is not None else 0

    def wait_synced(self, timeout: float) -> bool:
        """Whether it works on keys, within `timeout` seconds."""
        return self._working.wait(timeout)

    @property
    def is_leader(self) -> bool:
        """Whether it may write."""
        return self._election.is_leader

    def why_not_ready(self) -> str | None:
        """None when the caches are full: a standby is ready to take over."""
        waiting = [
            f"{f.resource.plural}{self._refusals.last(f.resource)}"
            for f in self._followers
            if not f.synced.is_set()
        ]
        if waiting:
            return f"waiting for a list of {', '.join(waiting)}"
        if not self._followers:
            asked = resources.virtual_services(resources.ISTIO_VERSIONS[0])
            return f"waiting for an answer about {asked.plural}{self._refusals.last(asked)}"
        return None

    def why_not_healthy(self) -> str | None:
        """None while it can go on."""
        return self.failure

    def _make_client(self, timeout: float = CALL_SECONDS) -> Client:
        return Client(self._configuration, timeout=timeout, on_answered=self.metrics.answered)

    def _run(self) -> None:
        version = find_istio_version(self._api, self._options.namespace, self._stopping, self._refusals.note)
        if version is None or self._stopping.is_set():
            return
        settings = replace(
            self._options.settings, istio_api_version=resources.virtual_services(version).api_version
        )
        watches = Watches(
            self._make_client,
            self.cache,
            settings,
            self._options.namespace,
            version,
            self._enqueue,
            self._look_around,
            self._refusals.note,
        )
        followers: list[Follower] = watches.make_followers()
        if self._has_disvcs():
            self._disvcs = DisvcPart(settings, self._options.namespace, version, self.cache, self._enqueue)
            followers += self._disvcs.make_followers(self._make_client, self._refusals.note)
        self._followers = followers
        for follower in self._followers:
            self._spawn(f"follow-{follower.resource.plural}", follower.run)
        if self._options.leader_election:
            self._spawn("elect", self._election.run)
        if (
            self._wait(lambda: all(f.synced.is_set() for f in self._followers))
            and self._wait(lambda: self.is_leader)
            and self._election.catch_up(followers, self._api, self._stopping)
        ):
            self._work(version, settings)

    def _work(self, version: str, settings: Settings) -> None:
        writer = LeadersWriter(self._api, lambda: self.is_leader)
        recorder = Recorder(
            writer, self._options.identity, lambda error: self._refusals.note(resources.EVENTS, error)
        )
        reconciler = make_reconciler(
            settings,
            self.cache,
            writer,
            resources.virtual_services(version),
            self._rollouts,
            recorder,
            self.metrics,
            self._now,
            self._enqueue,
        )
        sweep = Sweep(self.cache, reconciler, self._enqueue)
        self._workers = Workers(
            CONTROLLER,
            self.queue,
            reconciler.reconcile,
            self._may_work,
            self._options.workers,
            self.metrics,
        )
        self._rollouts.take_over(self.cache.splits.values())
        if self._disvcs is not None:
            self._disvcs.show_members()
        self._feeding.set()
        sweep.run()
        self._spawn("meter", self._rollouts.meter.run)
        self._workers.start()
        if self._disvcs is not None:
            self._disvcs.start(writer, self._api, recorder, self._now, self._may_work, self.metrics)
        self._working.set()
        while not self._stopping.wait(self._options.resync_seconds):
            sweep.run()
            self._look_around()

    def _may_work(self) -> bool:
        return self.is_leader and not self._stopping.is_set()

    def _find_targets(self) -> Sequence[Target]:
        """What is scraped; nothing when the cluster does not say, which is then no evidence."""
        if self._options.find_targets is not None:
            return self._options.find_targets()
        try:
            return find_pods(self._api, self._options.namespace)
        except ApiError as error:
            self._refusals.note(resources.ENDPOINT_SLICES, error)
            return ()

    def _make_health(self, listen: tuple[str, int]) -> HealthServer:
        return HealthServer(
            *listen,
            healthy=self.why_not_healthy,
            ready=self.why_not_ready,
            registry=self.metrics.registry,
        )

    def _enqueue(self, keys: frozenset[GroupKey]) -> None:
        if self._feeding.is_set():
            for key in sorted(keys):
                self.queue.add(key)

    def _look_around(self) -> None:
        """Something has changed that DistributedInferenceServices may depend on."""
        if self._disvcs is not None:
            self._disvcs.look_again()

    def _has_disvcs(self) -> bool:
        """Whether the cluster has the kind; asked until the API says so or not."""
        while not self._stopping.is_set():
            try:
                return is_served(self._api, self._options.namespace)
            except ApiError as error:
                self._refusals.note(resources.DISVCS, error)
                self._stopping.wait(PROBE_SECONDS)
        return False

    def _fail(self, why: str) -> None:
        self.failure = why

    def _wait(self, condition: Callable[[], bool]) -> bool:
        """Whether it came true before the end."""
        while not self._stopping.is_set():
            if condition():
                return True
            self._stopping.wait(_LOOK_SECONDS)
        return False

    def _spawn(self, name: str, run: Callable[[], object]) -> None:
        thread = threading.Thread(target=lambda: self._guard(run), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guard(self, run: Callable[[], object]) -> None:
        """A thread that a bug ends must not leave a process that looks well and does nothing."""
        try:
            run()
        except Exception as error:
            log.exception("a bug: please report it")
            self._fail(f"a thread ended by a bug: {type(error).__name__}: {error}")
