"""One of several replicas leads: election by a Lease, as client-go's tools/leaderelection does it."""

from __future__ import annotations

import random as chance
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, Field, ValidationError

from meshsplit.kube.port import ApiError, NotFound, Resource, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)

LEASE_SECONDS = 15
"""How long others wait after the last renewal that they saw."""
RENEW_DEADLINE_SECONDS = 10.0
"""How long the leader tries to renew before it gives up."""
RETRY_SECONDS = 2.0
"""How often it renews, and at least how long others wait between looks (all three: client-go's defaults)."""
RETRY_JITTER = 1.2
"""Others wait up to this much longer, as a share (client-go's JitterFactor)."""

_RELEASED_SECONDS = 1
"""The duration of a released Lease; the API refuses 0 (client-go's release)."""


class LeaseApi(Protocol):
    """What of the API's port the election uses."""

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        """As Reader.get."""

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        """As Writer.create."""

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        """As Writer.patch."""


class _Spec(BaseModel):
    """The record that replicas compare; its times are never compared with a clock."""

    holder: str | None = Field(None, alias="holderIdentity")
    seconds: int | None = Field(None, alias="leaseDurationSeconds")
    acquired: str | None = Field(None, alias="acquireTime")
    renewed: str | None = Field(None, alias="renewTime")
    transitions: int | None = Field(None, alias="leaseTransitions")


class _Metadata(BaseModel):
    version: str = Field(alias="resourceVersion")


class _Lease(BaseModel):
    metadata: _Metadata
    spec: _Spec = _Spec()


def _ignore(_error: ApiError) -> None:
    """Report nowhere."""


class Elector:
    """Takes part in one election as `identity`; `run` blocks in a thread of its own.

    `identity` is unique to the process. `on_elected` is called once when elected, `on_lost` when the lead is
    lost other than by `stop`: the process must then exit, as another may lead already. Neither may block.
    A call of `api` may take at most LEASE_SECONDS - RENEW_DEADLINE_SECONDS. `clock` counts seconds and may
    start anywhere; `now` is the time of day, which only people read. `sleep` waits for an event for at most
    some seconds.
    """

    def __init__(
        self,
        api: LeaseApi,
        namespace: str,
        name: str,
        identity: str,
        *,
        on_elected: Callable[[], object],
        on_lost: Callable[[], object],
        on_error: Callable[[ApiError], object] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = chance.random,
        sleep: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self.identity = identity
        self._api = api
        self._namespace = namespace
        self._name = name
        self._on_elected = on_elected
        self._on_lost = on_lost
        self._on_error = on_error
        self._clock = clock
        self._now = now
        self._random = random
        self._sleep = sleep
        self._stopped = threading.Event()
        self._seen: _Lease | None = None  # as last written or read
        self._changed_at = 0.0  # when its record was first seen to be what it is
        self._renewed_at: float | None = None

    def run(self) -> None:
        """Wait for the lead, hold it until `stop` or loss, release it on `stop`."""
        if self._acquire():
            self._on_elected()
            if not self._renew():
                self._renewed_at = None
                self._on_lost()
        if self._renewed_at is not None:
            self._release()

    def stop(self) -> None:
        """End `run`, from any thread; a held lead is released."""
        self._stopped.set()

    @property
    def is_leader(self) -> bool:
        """Whether the lead is held and was renewed within the deadline: ask before each write."""
        renewed = self._renewed_at
        return renewed is not None and self._clock() - renewed < RENEW_DEADLINE_SECONDS

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last seen, "" when nobody did."""
        return (self._seen.spec.holder or "") if self._seen else ""

    def _acquire(self) -> bool:
        """Whether we lead; False when stopped before."""
        while not self._stopped.is_set():
            self._try()
            if self.is_leader:
                return True
            self._sleep(self._stopped, RETRY_SECONDS * (1.0 + RETRY_JITTER * self._random()))
        return False

    def _renew(self) -> bool:
        """Hold the lead; True when stopped, False when it is lost."""
        while True:
            self._sleep(self._stopped, RETRY_SECONDS)
            if self._stopped.is_set():
                return True
            self._try()
            if not self.is_leader:
                return False

    def _try(self) -> None:
        """Take or renew the Lease if that is allowed."""
        # From before the request: what others count from is later, so we stop before they start.
        started = self._clock()
        try:
            held = self._take()
        except ApiError as error:
            self._on_error(error)
            return
        self._renewed_at = started if held else None

    def _take(self) -> bool:
        """Whether the Lease is now ours."""
        try:
            seen = self._observe(self._api.get(LEASES, self._namespace, self._name))
        except NotFound:
            self._observe(self._api.create(LEASES, self._make_lease()))
            return True
        if self._belongs_to_another(seen.spec):
            return False
        self._write(seen, self._make_record(seen.spec))
        return True

    def _belongs_to_another(self, spec: _Spec) -> bool:
        """Whether another holds it and its duration, by our clock since we saw it renewed, is not over."""
        expires = self._changed_at + (spec.seconds or 0)
        return bool(spec.holder) and spec.holder != self.identity and self._clock() < expires

    def _observe(self, content: bytes) -> _Lease:
        try:
            lease = _Lease.model_validate_json(content)
        except ValidationError as error:
            raise Unavailable(0, "Unreadable", f"the Lease cannot be read: {error}") from None
        if self._seen is None or lease.spec != self._seen.spec:
            self._changed_at = self._clock()
        self._seen = lease
        return lease

    def _write(self, lease: _Lease, record: dict[str, Any]) -> None:
        """Change the Lease unless somebody else did since it was read."""
        body = {"metadata": {"resourceVersion": lease.metadata.version}, "spec": record}
        self._observe(self._api.patch(LEASES, self._namespace, self._name, body))

    def _release(self) -> None:
        """Let others take over without waiting for the duration to pass."""
        self._renewed_at = None
        if self._seen is None:
            return
        record = {
            "holderIdentity": "",
            "leaseDurationSeconds": _RELEASED_SECONDS,
            "renewTime": self._to_time(),
        }
        try:
            self._write(self._seen, record)
        except ApiError as error:
            self._on_error(error)

    def _make_lease(self) -> dict[str, Any]:
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._make_record(None),
        }

    def _make_record(self, old: _Spec | None) -> dict[str, Any]:
        """Our renewal of a record: the holder's own keeps its acquireTime, another's is a transition."""
        now = self._to_time()
        ours = old is not None and old.holder == self.identity
        transitions = (old.transitions or 0) + (not ours) if old else 0
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": (old.acquired or now) if old and ours else now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _to_time(self) -> str:
        """Kubernetes' MicroTime."""
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
