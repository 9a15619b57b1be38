"""The port without a network: a script for the reflector, Leases with faults for the election."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from meshsplit.kube.port import (
    PAGE_LIMIT,
    ApiError,
    Conflict,
    NotFound,
    Page,
    Resource,
    Unavailable,
    WatchEvent,
)


@dataclass
class FakeTime:
    """A clock that only sleeping moves; `sleeps` are the seconds asked for, `on_sleep` is told of each."""

    now: float = 1000.0
    sleeps: list[float] = field(default_factory=list)
    on_sleep: Callable[[float], object] = lambda _seconds: None

    def clock(self) -> float:
        return self.now

    def sleep(self, stop: threading.Event, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.on_sleep(seconds)
        if not stop.is_set():
            self.now += seconds


class FakeStream:
    """A watch that plays events; seconds let the clock run, an error breaks it, a function is called."""

    def __init__(self, time: FakeTime, steps: Iterable[object]) -> None:
        self._time = time
        self._steps = steps
        self.closed = False

    def __iter__(self) -> Iterator[WatchEvent]:
        for step in self._steps:
            if isinstance(step, WatchEvent):
                yield step
            elif isinstance(step, float):
                self._time.now += step
            elif isinstance(step, ApiError):
                raise step
            elif callable(step):
                step()

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeReader:
    """Plays `script`: a Page or an error answers a list; a list of steps is a watch, an error refuses it.

    At its end `finish` is called, which is to stop whoever asks. `asked` are the requests as text. Each takes
    `seconds` until it is answered.
    """

    time: FakeTime
    script: list[Page | ApiError | list[object]]
    finish: Callable[[], object] = lambda: None
    asked: list[str] = field(default_factory=list)
    timeouts: list[int] = field(default_factory=list)
    streams: list[FakeStream] = field(default_factory=list)
    seconds: float = 0.0
    closed: bool = False

    def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        limit: int = PAGE_LIMIT,
        continue_token: str = "",
    ) -> Page:
        self.asked.append(f"list {limit} {continue_token}".strip())
        page = self._next()
        assert isinstance(page, Page), f"a list was asked for, the script has {page}"
        return page

    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str = "",
        labels: str = "",
    ) -> FakeStream:
        self.asked.append(f"watch {resource_version}")
        self.timeouts.append(timeout_seconds)
        steps = self._next()
        assert isinstance(steps, list), f"a watch was asked for, the script has {steps}"
        self.streams.append(FakeStream(self.time, steps))
        return self.streams[-1]

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True

    def _next(self) -> Page | list[object]:
        if not self.script:
            self.finish()
            raise Unavailable(0, "Closed", "the script has ended")
        self.time.now += self.seconds
        step = self.script.pop(0)
        if isinstance(step, ApiError):
            raise step
        return step


class FakeLeases:
    """One Lease on a server that several electors share; `fault`, when set, decides about each request.

    `fault` gets the elector's name and the verb; it may raise before the request is carried out.
    """

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.fault: Callable[[str, str], object] = lambda _who, _verb: None
        self.after: Callable[[str, str], object] = lambda _who, _verb: None
        self._version = 0

    def of(self, who: str) -> "FakeLeaseApi":
        return FakeLeaseApi(self, who)

    def holder(self) -> str:
        return str(self.lease["spec"].get("holderIdentity", "")) if self.lease else ""

    def write(self, lease: dict[str, Any]) -> bytes:
        self._version += 1
        self.lease = {**lease, "metadata": {**lease["metadata"], "resourceVersion": str(self._version)}}
        return json.dumps(self.lease).encode()


@dataclass
class FakeLeaseApi:
    server: FakeLeases
    who: str
    verbs: list[str] = field(default_factory=list)

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        self._begin("get")
        if self.server.lease is None:
            raise NotFound(404, "NotFound", name)
        return json.dumps(self.server.lease).encode()

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        self._begin("create")
        if self.server.lease is not None:
            raise Conflict(409, "AlreadyExists", "it is there")
        content = self.server.write(dict(body))
        self.server.after(self.who, "create")
        return content

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        self._begin("patch")
        lease = self.server.lease
        if lease is None:
            raise NotFound(404, "NotFound", name)
        if body["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "it has been modified")
        spec = {**lease["spec"], **body["spec"]}
        content = self.server.write({**lease, "spec": spec})
        self.server.after(self.who, "patch")
        return content

    def _begin(self, verb: str) -> None:
        self.verbs.append(verb)
        self.server.fault(self.who, verb)
