"""What KServe and ModelMesh do, as far as routes depend on it: models load, and only then are they Ready."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from meshsplit.local.apiserver.status import Refused
from meshsplit.local.backends import to_backends, to_servings
from meshsplit.local.cluster import BACKING, ENDPOINT_SLICES, INFERENCE_SERVICES, MODELS, PODS, SERVICES
from meshsplit.local.endpoints import make_slices
from meshsplit.local.modelstatus import Loading, make_status
from meshsplit.local.owned import OwnedObjects
from meshsplit.local.pods import to_pods
from meshsplit.local.services import make_services
from meshsplit.local.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from meshsplit.local.apiserver.inside import Kind
    from meshsplit.local.backends import Backend, BackendKey, Backends
    from meshsplit.local.cluster import Body, Cluster
    from meshsplit.local.models.spec import Ports, Serving, ServingKey
    from meshsplit.model import Settings

READY = "local.meshsplit.dev/ready"
"""Annotation of an InferenceService: "false" makes its model fail to load, or unload when it serves."""

FIELD_MANAGER = "kserve-stand-in"

# Whoever routes to a model learns in milliseconds that it leaves; ten seconds are KServe's grace, too, on a
# machine that is busy with something else.
DRAIN_SECONDS = 10.0


class Models(Protocol):
    """What runs the model servers."""

    def serve(self, servings: Sequence[Serving]) -> Mapping[ServingKey, Ports]:
        """Serve exactly these; the ports of those that answer already. ModelServerError when it cannot."""

    def notify(self, changed: Callable[[], None]) -> None:
        """From now on call `changed`, from any thread, when `serve` would answer anew."""


class KServe:
    """Runs a model server for every InferenceService that lives, with the Pod and Service that KServe makes.

    A Service that anybody writes leads to the Pods that it selects. A model that leaves is out of the
    endpoints first; its server goes on answering for `drain_seconds`. ModelMesh is behind the same Service
    for all models of a namespace, so one that leaves is in it until then.
    """

    def __init__(
        self,
        cluster: Cluster,
        models: Models,
        settings: Settings,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._models = models
        self._settings = settings
        self._drain_seconds = drain_seconds
        self._hosted: dict[BackendKey, Backend] = {}
        self._leaving: dict[BackendKey, float] = {}
        self._serving: tuple[Serving, ...] = ()
        self._ports: Mapping[ServingKey, Ports] = {}
        self._news = threading.Event()
        self._owned = OwnedObjects(cluster, FIELD_MANAGER)
        self.is_loading = False
        """Whether a model did not answer when all was written the last time."""
        self.worker = Worker("kserve", cluster.subscribe((*MODELS, *BACKING)), self.reconcile)
        models.notify(self._look_again)

    @property
    def counters(self) -> dict[str, int]:
        """The port of 127.0.0.1 at which each namespace's ModelMesh shows its counters."""
        return {key[0]: each.metrics for key, each in self._ports.items() if each.metrics is not None}

    def reconcile(self) -> float | None:
        """Make the models, Pods, Services, endpoints and statuses what the InferenceServices ask for.

        Returns the seconds until the next model may stop answering; ModelServerError when none can be run.
        """
        found = self._cluster.snapshot((*MODELS, *BACKING))
        bodies = [body for kind in MODELS for body in found[kind]]
        failing = {_key_of(body) for body in found[INFERENCE_SERVICES] if _is_failing(body)}
        backends = to_backends(bodies, self._settings)
        wanted = self._wanted(backends, failing)
        self._host(wanted)
        self._write_backing(found, wanted)
        self._write_statuses(found[INFERENCE_SERVICES], backends, wanted)
        self.is_loading = any(backend.serving_key not in self._ports for backend in wanted.values())
        return min(self._leaving.values()) - time.monotonic() if self._leaving else None

    def _look_again(self) -> None:
        """Ask the model servers anew: one has begun to answer, or has ended by itself. For any thread."""
        self._news.set()
        self.worker.wake()

    def _wanted(self, backends: Backends, failing: set[tuple[str, str]]) -> dict[BackendKey, Backend]:
        """Every backend that is to load; one that cannot be understood any more stays as it was."""
        kept = {key: it for key, it in self._hosted.items() if key[:2] in backends.unreadable}
        return kept | {key: it for key, it in backends.by_key.items() if key[:2] not in failing}

    def _host(self, wanted: Mapping[BackendKey, Backend]) -> None:
        """Serve what is wanted, and what was until it has drained."""
        now = time.monotonic()
        left = [key for key in self._hosted if key not in wanted]
        due = {key: self._leaving.get(key, now + self._drain_seconds) for key in left}
        self._leaving = {key: until for key, until in due.items() if until > now}
        self._hosted = {key: self._hosted[key] for key in self._leaving} | {**wanted}
        servings = to_servings(self._hosted.values())
        if servings != self._serving or self._news.is_set():
            self._news.clear()
            self._ports = self._models.serve(servings)
            self._serving = servings

    def _write_backing(
        self, found: Mapping[Kind, Sequence[Body]], wanted: Mapping[BackendKey, Backend]
    ) -> None:
        """Services, Pods, and the endpoints of every Service that there is."""
        behind = [it for key, it in self._hosted.items() if key in wanted or it.in_modelmesh]
        services, pods = make_services(behind), to_pods(behind, self._ports)
        others = self._owned.others(found[SERVICES], services)
        self._owned.keep(found[SERVICES], services)
        self._owned.keep(found[PODS], [pod.to_body() for pod in pods])
        self._owned.keep(found[ENDPOINT_SLICES], make_slices([*services, *others], pods))

    def _write_statuses(
        self, found: Iterable[Body], backends: Backends, wanted: Mapping[BackendKey, Backend]
    ) -> None:
        by_name = {key[:2]: backend for key, backend in backends.by_key.items()}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for body in found:
            backend = by_name.get(_key_of(body))
            if backend is None:
                continue
            live = body.get("status") or {}
            loading = Loading.FAILED
            if backend.key in wanted:
                loading = Loading.LOADED if backend.serving_key in self._ports else Loading.LOADING
            status = make_status(backend, loading, live, now)
            if status != live:
                self._write_status(body, status)

    def _write_status(self, body: Body, status: dict[str, Any]) -> None:
        """A refusal is for an object that is gone, or that somebody changes: that change comes back here."""
        namespace, name = _key_of(body)
        whole = {
            "apiVersion": body["apiVersion"],
            "kind": body["kind"],
            "metadata": {"namespace": namespace, "name": name},
            "status": status,
        }
        try:
            self._cluster.apply_status(whole, FIELD_MANAGER)
        except Refused:
            return


def _key_of(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _is_failing(body: Mapping[str, Any]) -> bool:
    return (body["metadata"].get("annotations") or {}).get(READY) == "false"
