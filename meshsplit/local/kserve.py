"""What KServe and ModelMesh do, as far as routes depend on it: models load, and only then are they Ready."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver.status import Refused
from meshsplit.local.backends import make_status, to_backends, to_ports, to_servings
from meshsplit.local.cluster import INFERENCE_SERVICES, MODELS, SERVICES
from meshsplit.local.services import MODEL, is_backed, make_services
from meshsplit.local.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsplit.local.backends import Backend, BackendKey, Backends
    from meshsplit.local.cluster import Body, Cluster
    from meshsplit.local.models.process import ModelServer
    from meshsplit.local.models.spec import Ports, Serving, ServingKey
    from meshsplit.model import Settings

READY = "local.meshsplit.dev/ready"
"""Annotation of an InferenceService: "false" makes its model fail to load, or unload when it serves."""

FIELD_MANAGER = "kserve-stand-in"

# Whoever routes to a model learns in milliseconds that it leaves; ten seconds are KServe's grace, too, on a
# machine that is busy with something else.
DRAIN_SECONDS = 10.0


class KServe:
    """Runs a model for every InferenceService that lives, behind the Services that KServe would make.

    A model that leaves goes on answering for `drain_seconds`, and so does its Service.
    """

    def __init__(
        self,
        cluster: Cluster,
        models: ModelServer,
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
        self.worker = Worker("kserve", cluster.subscribe((*MODELS, SERVICES)), self.reconcile)

    def reconcile(self) -> float | None:
        """Make the models, Services and statuses what the InferenceServices ask for.

        Returns the seconds until the next model may stop answering; ModelServerError when none can be run.
        """
        found = self._cluster.snapshot((*MODELS, SERVICES))
        bodies = [body for kind in MODELS for body in found[kind]]
        failing = {_key_of(body) for body in found[INFERENCE_SERVICES] if _is_failing(body)}
        backends = to_backends(bodies, self._settings)
        wanted = self._wanted(backends, failing)
        self._host(wanted)
        self._write_services(found[SERVICES])
        self._write_statuses(found[INFERENCE_SERVICES], backends, wanted)
        return min(self._leaving.values()) - time.monotonic() if self._leaving else None

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
        if servings != self._serving:
            self._ports = self._models.serve(servings)
            self._serving = servings

    def _write_services(self, found: Iterable[Body]) -> None:
        desired = make_services(to_ports(self._hosted.values(), self._ports), MODEL)
        live = {_key_of(body): body for body in found}
        for body in desired:
            present = live.get(_key_of(body))
            if (
                present is None
                or not is_backed(present, MODEL)
                or present["spec"]["ports"] != body["spec"]["ports"]
            ):
                self._write(body)
        kept = {_key_of(body) for body in desired}
        for key, body in live.items():
            if is_backed(body, MODEL) and key not in kept:
                self._cluster.delete(self._cluster.resource("v1", "Service"), *key)

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
            status = make_status(backend, backend.key in wanted, live, now)
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

    def _write(self, body: Body) -> None:
        try:
            self._cluster.apply(body, FIELD_MANAGER)
        except Refused:  # its namespace is being deleted, and everything in it with it
            return


def _key_of(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _is_failing(body: Mapping[str, Any]) -> bool:
    return (body["metadata"].get("annotations") or {}).get(READY) == "false"


def _leads_as(present: Body | None, desired: Body) -> bool:
    return (
        present is not None
        and is_backed(present, MODEL)
        and present["spec"].get("ports") == desired["spec"]["ports"]
    )
