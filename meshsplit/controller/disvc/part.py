"""What of the controller works on DistributedInferenceServices: its followers, its queue and its workers."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from meshsplit.controller import resources
from meshsplit.controller.disvc.cache import KINDS, DisvcCache
from meshsplit.controller.disvc.members import Members
from meshsplit.controller.disvc.offspring import Offspring
from meshsplit.controller.disvc.reconcile import DisvcReconciler
from meshsplit.controller.disvc.reports import Reports
from meshsplit.controller.workers import Workers
from meshsplit.disvc.decode import to_child, to_live_disvc
from meshsplit.disvc.members import find_members
from meshsplit.disvc.objects import Disvc
from meshsplit.disvc.walk import to_children
from meshsplit.istio.names import DISVC
from meshsplit.kube.port import ApiError, Forbidden, NotFound, ObjectKey
from meshsplit.kube.reflector import Reflector
from meshsplit.kube.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from meshsplit.controller.cache import Cache
    from meshsplit.controller.recorder import Recorder
    from meshsplit.disvc.objects import Child, UnreadableDisvc
    from meshsplit.kube.port import Reader, Resource, Writer
    from meshsplit.model import GroupKey, Settings
    from meshsplit.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

CONTROLLER = "distributedinferenceservice"
"""What metrics and logs call the work on DistributedInferenceServices."""

WORKERS = 2


def is_served(reader: Reader, namespace: str) -> bool:
    """Whether the cluster has the kind and lets it be read: its definition is what switches this on.

    Raises ApiError where the API does not say.
    """
    try:
        reader.list_page(resources.DISVCS, namespace=namespace, limit=1)
    except (NotFound, Forbidden) as error:
        log.info("DistributedInferenceServices are left alone", extra={"error": str(error)})
        return False
    return True


class DisvcPart:
    """The followers run in threads of the caller's; `start` begins to work on what they have seen."""

    def __init__(
        self,
        settings: Settings,
        namespace: str,
        istio_version: str,
        around: Cache,
        on_keys: Callable[[frozenset[GroupKey]], object],
    ) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue()
        self.cache = DisvcCache()
        self._settings = settings
        self._namespace = namespace
        self._kinds = to_resources(istio_version)
        self._around = around
        self._members = Members(around, on_keys)
        self._workers: Workers[ObjectKey] | None = None

    def make_followers(
        self, connect: Callable[[], Reader], on_error: Callable[[Resource, ApiError], object]
    ) -> list[Reflector[Disvc | UnreadableDisvc, ObjectKey] | Reflector[Child, ObjectKey]]:
        """One for the kind itself, and one for each kind that it makes, of those that carry its label."""
        disvcs: Reflector[Disvc | UnreadableDisvc, ObjectKey] = Reflector(
            connect(),
            resources.DISVCS,
            lambda body: to_live_disvc(_complete(body, resources.DISVCS)),
            self.cache.disvcs,
            self.enqueue,
            namespace=self._namespace,
            on_error=lambda error: on_error(resources.DISVCS, error),
        )
        return [disvcs, *(self._follow(connect(), self._kinds[kind], on_error) for kind in KINDS)]

    def start(
        self,
        writer: Writer,
        reader: Reader,
        recorder: Recorder,
        now: Callable[[], datetime],
        may_work: Callable[[], bool],
        metrics: Metrics,
    ) -> None:
        """Work on everything there is, and from then on on what changes."""
        reconciler = DisvcReconciler(
            settings=self._settings,
            cache=self.cache,
            around=self._around,
            offspring=Offspring(writer, reader, self._kinds, self.cache, self._settings, time.monotonic),
            reports=Reports(writer, self.cache, recorder, now, self.queue.add),
            members=self._members,
            now=now,
        )
        self._workers = Workers(CONTROLLER, self.queue, reconciler.reconcile, may_work, WORKERS, metrics)
        self.look_again()
        self._workers.start()

    def show_members(self) -> None:
        """Let groups see the versions that they may list, before any group is looked at."""
        for disvc in self.cache.readable():
            if not disvc.deleting:
                found = self.cache.children_of(ObjectKey(disvc.namespace, disvc.name))
                children = to_children(disvc.name, disvc.identity.uid, found)
                self._members.put(disvc, find_members(disvc, children))

    def look_again(self) -> None:
        """Look at every one: something around them has changed, or time has passed."""
        self.enqueue(self.cache.keys())

    def enqueue(self, keys: frozenset[ObjectKey]) -> None:
        """Ask for work on these."""
        for key in sorted(keys):
            self.queue.add(key)

    def stop(self) -> None:
        """Take no more work, and wait for what is under way."""
        self.queue.shut_down()
        if self._workers is not None:
            self._workers.join()

    def _follow(
        self, api: Reader, resource: Resource, on_error: Callable[[Resource, ApiError], object]
    ) -> Reflector[Child, ObjectKey]:
        return Reflector(
            api,
            resource,
            lambda body: to_child(_complete(body, resource), self._settings),
            self.cache.children[resource.kind],
            self.enqueue,
            namespace=self._namespace,
            labels=DISVC,
            on_error=lambda error: on_error(resource, error),
        )


def to_resources(istio_version: str) -> dict[str, Resource]:
    """The resource of each kind that a DistributedInferenceService makes."""
    made = (
        resources.INFERENCE_SERVICES,
        resources.SERVICES,
        resources.destination_rules(istio_version),
        resources.virtual_services(istio_version),
        resources.INGRESSES,
        resources.MODEL_SPLITS,
    )
    return {resource.kind: resource for resource in made}


def _complete(body: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """In a list the server leaves out the kind of built-in objects."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **body}
