"""The controller without its threads: every look at the cluster and every piece of work is a call."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from meshsplit.analysis.metrics import MetricsSource
from meshsplit.controller import resources
from meshsplit.controller.cache import Cache
from meshsplit.controller.claims import Claims
from meshsplit.controller.gatecalls import GateCalls
from meshsplit.controller.meter import Meter
from meshsplit.controller.notices import Notices
from meshsplit.controller.reconcile import Reconciler
from meshsplit.controller.recorder import Recorder
from meshsplit.controller.reporter import Reporter
from meshsplit.controller.rollouts import Rollouts
from meshsplit.controller.routes import Routes
from meshsplit.controller.signed import SignedPosts
from meshsplit.controller.slots import Slots
from meshsplit.controller.splits import Splits
from meshsplit.controller.sweep import Sweep
from meshsplit.controller.understood import Understood
from meshsplit.controller.watches import Follower, Watches
from meshsplit.kube.port import (
    PAGE_LIMIT,
    Api,
    ApiError,
    EventType,
    Page,
    Resource,
    WatchEvent,
    Writer,
)
from meshsplit.kube.reflector import Reflector
from meshsplit.kube.workqueue import WorkQueue
from meshsplit.model import GroupKey, Settings
from support.fleet import Body
from support.kube_objects import event_of
from support.store_api import Clock

ISTIO_VERSION = "v1"
LONGEST_WAIT = 400.0
"""Longer than the queue's longest backoff (300 s, jitter included) and than any pause among fighters."""


@dataclass
class OneLook:
    """Reads of another client; at the first watch it stops whoever asked, so that one list is all."""

    api: Api
    stop: Callable[[], object] = lambda: None

    def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        limit: int = PAGE_LIMIT,
        continue_token: str = "",
    ) -> Page:
        return self.api.list_page(
            resource, namespace=namespace, labels=labels, limit=limit, continue_token=continue_token
        )

    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str = "",
        labels: str = "",
    ) -> "OneLook":
        self.stop()
        return self

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        self.stop()
        return self.api.get(resource, namespace, name)

    def __iter__(self) -> Iterator[WatchEvent]:
        return iter(())

    def close(self) -> None:
        pass


@dataclass
class Controller:
    """What Manager puts together, at a clock of the test's own; it dies with the object, as by SIGKILL.

    `errors` are the writes that failed. It writes through `writer` if there is one. `source` answers for
    every address.
    """

    api: Api
    clock: Clock
    settings: Settings = field(default_factory=Settings)
    namespace: str = ""
    errors: list[ApiError] = field(default_factory=list)
    writer: Writer | None = None
    source: MetricsSource | None = None

    def __post_init__(self) -> None:
        writer = self.writer or self.api
        self.feeding = False
        self.cache = Cache(Claims())
        self.queue: WorkQueue[GroupKey] = WorkQueue(clock=self.clock.count)
        virtual_services = resources.virtual_services(ISTIO_VERSION)
        splits = Splits(
            writer,
            self.settings,
            self.cache.splits,
            lambda touched: self.enqueue(self.cache.touched_by_splits(touched)),
        )
        self.meter = Meter(self._find_source, self.enqueue, lambda: self.clock.utc().timestamp())
        posts = SignedPosts(self.api)
        self.gates = GateCalls(posts, self.enqueue)
        self.told: list[str] = []
        self.notices = Notices(posts, self.told.append, retries_after=(0.0, 0.0))
        self.rollouts = Rollouts(
            self.meter,
            self.gates,
            self.notices,
            Slots(),
            lambda: self.settings,
            lambda: self.clock.utc().timestamp(),
        )
        self.reconciler = Reconciler(
            settings=self.settings,
            understood=Understood(self.settings),
            cache=self.cache,
            routes=Routes(writer, virtual_services, self.cache.routes, self.clock.count, self.enqueue),
            splits=splits,
            reporter=Reporter(
                splits=splits,
                recorder=Recorder(writer, "test", self.errors.append),
                now=self.clock.utc,
            ),
            rollouts=self.rollouts,
            on_related=self.enqueue,
        )
        self.sweep = Sweep(self.cache, self.reconciler, self.enqueue)

    def _find_source(self, address: str) -> MetricsSource:
        assert self.source is not None, f"nobody reads {address} here"
        return self.source

    def enqueue(self, keys: frozenset[GroupKey]) -> None:
        for key in sorted(keys):
            self.queue.add(key)

    def _feed(self, keys: frozenset[GroupKey]) -> None:
        if self.feeding:
            self.enqueue(keys)

    def start(self) -> "Controller":
        """Fill the caches, and let one sweep find what there is to do, as the manager does."""
        self.look()
        self.rollouts.take_over(self.cache.splits.values())
        self.feeding = True
        self.sweep.run()
        return self

    def look(self, *kinds: str) -> None:
        """See the cluster as it now is: the resource types named by plural, else all."""
        looks: list[OneLook] = []

        def connect() -> OneLook:
            looks.append(OneLook(self.api))
            return looks[-1]

        for follower, look in zip(self._make_followers(connect), looks, strict=True):
            look.stop = follower.stop
            if not kinds or follower.resource.plural in kinds:
                follower.run()

    def hear(self, resource: Resource, body: Body) -> None:
        """See one object as it now is, as a watch tells of it."""
        for follower in self._make_followers(lambda: OneLook(self.api)):
            if follower.resource == resource and isinstance(follower, Reflector):
                follower.take(event_of(EventType.MODIFIED, body))

    def _make_followers(self, connect: Callable[[], OneLook]) -> list[Follower]:
        watches = Watches(
            connect,
            self.cache,
            self.settings,
            self.namespace,
            ISTIO_VERSION,
            self._feed,
            lambda: None,
            lambda _resource, error: self.errors.append(error),
        )
        return watches.make_followers()

    def work(self, most: int = 1000) -> int:
        """Work on every key that is wanted now; how many there were, `most` at the most."""
        worked = 0
        while (key := self.queue.get(timeout=0.0)) is not None:
            worked += 1
            try:
                pause = self.reconciler.reconcile(key, self.queue.failures(key))
            except ApiError as error:
                self.errors.append(error)
                self.queue.add_rate_limited(key)
            else:
                self.queue.forget(key)
                if pause > 0.0:
                    self.queue.add_after(key, pause)
            finally:
                self.queue.done(key)
            assert worked < most, f"no end of work, last on {key}"
        return worked

    def measure(self) -> None:
        """Read what is due of the metrics."""
        for read in self.meter.beat():
            read.result()

    def step(self) -> None:
        """Look and work until there is nothing to do now."""
        self.look()
        while self.work():
            self.look()

    def settle(self) -> None:
        """The same, and wait out every delay."""
        self.step()
        for _ in range(3):
            self.clock.advance(LONGEST_WAIT)
            self.step()
