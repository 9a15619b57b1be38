"""The embedded cluster as a value: start it, point clients at it, stop it."""

from __future__ import annotations

import asyncio
import datetime
import logging
import socket
import threading
import uuid
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import uvicorn
import yaml

from meshsplit.local.apiserver.builtin import NAMESPACES
from meshsplit.local.apiserver.dispatch import apply
from meshsplit.local.apiserver.faults import Faults
from meshsplit.local.apiserver.http import Application
from meshsplit.local.apiserver.inside import Changes, snapshot_of
from meshsplit.local.apiserver.operation import Operation
from meshsplit.local.apiserver.persistence import Journal
from meshsplit.local.apiserver.store import LOG_CAPACITY, Store
from meshsplit.local.apiserver.stream import CutStreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from meshsplit.local.apiserver.dispatch import Events
    from meshsplit.local.apiserver.inside import Kind
    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.operation import Answer
    from meshsplit.local.apiserver.resources import Resource

_HOST = "127.0.0.1"
# Namespaces every cluster begins with.
_FIRST_NAMESPACES = ("default", "kube-system")
_STOP_SECONDS = 5
_BACKLOG = 1024
# The client closes first: a request sent into a connection that is being closed fails.
_KEEP_ALIVE_SECONDS = 2 * 3600
# For a call from another thread; one takes milliseconds, and a server that has just stopped answers none.
_CALL_SECONDS = 30.0

_Value = TypeVar("_Value")


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle off on what it accepts: 40 ms an answer otherwise.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _is_no_fault(record: logging.LogRecord) -> bool:
    # A stream that a fault cuts is no error of this program.
    return not (record.exc_info and record.exc_info[0] is CutStreamError)


class ApiServer:
    """A running API server: plain HTTP on 127.0.0.1, in a thread of its own.

    `url` is where it listens. OSError when the port is taken, ValueError when the state file is none.
    """

    def __init__(
        self,
        port: int = 0,
        state_file: Path | None = None,
        faults: Faults | None = None,
        log: int = LOG_CAPACITY,
    ) -> None:
        self._store = Store(lambda: datetime.datetime.now(datetime.UTC), lambda: str(uuid.uuid4()), log)
        self._journal = Journal(state_file, self._store) if state_file else None
        self.faults = faults or Faults()
        self._found()
        self._application = Application(self._store, self.faults, self._keep)
        self._listening = _listen(port)
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://{_HOST}:{self.port}"
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="apiserver", daemon=True)

    @classmethod
    def start(
        cls,
        port: int = 0,
        state_file: Path | None = None,
        faults: Faults | None = None,
        log: int = LOG_CAPACITY,
    ) -> ApiServer:
        """A server that answers; port 0 takes a free one, `log` bounds the events kept per kind."""
        server = cls(port, state_file, faults, log)
        server._thread.start()
        server._ready.wait()
        return server

    def stop(self) -> None:
        """Close every connection and the state file; a second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> ApiServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    def kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        """Write a kubeconfig for this server, readable by its owner; the path.

        `namespace` is where kubectl looks when it is told none.
        """
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "meshsplit", "cluster": {"server": self.url}}],
            "users": [{"name": "meshsplit", "user": {}}],
            "contexts": [
                {
                    "name": "meshsplit",
                    "context": {"cluster": "meshsplit", "user": "meshsplit", "namespace": namespace},
                }
            ],
            "current-context": "meshsplit",
        }
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    def compact(self) -> None:
        """Forget all events, as etcd does in time: watches from older versions get 410."""
        self._call(self._store.compact)

    def send(self, operation: Operation) -> Answer:
        """Carry out an operation as if it had come over HTTP, faults aside; Refused as it would answer.

        For any thread of this process but the server's own; watches see what it changes.
        """
        return self._call(lambda: self._application.apply(operation))

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The served resource of objects that carry these, None when nothing defines it."""
        return self._call(lambda: self._store.registry.of_api_version(api_version, kind))

    def resources(self) -> tuple[Resource, ...]:
        """Some served version of every kind, by group and plural."""
        return self._call(lambda: tuple({one.key: one for one in self._store.registry}.values()))

    def snapshot(self, kinds: Iterable[Kind]) -> Mapping[Kind, tuple[Json, ...]]:
        """The stored objects of these kinds at one moment, by namespace and name; not to be changed."""
        wanted = tuple(kinds)
        return self._call(lambda: snapshot_of(self._store, wanted))

    def subscribe(self, kinds: Iterable[Kind]) -> Changes:
        """What wakes another thread when objects of these kinds change from now on."""
        changes = Changes(frozenset(kinds), self._application.bells)
        self._call(changes.open)
        return changes

    def _call(self, work: Callable[[], _Value]) -> _Value:
        """Run `work` in the server's thread; what it raises is raised here."""
        answer: Future[_Value] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return answer.result(_CALL_SECONDS)

    def _found(self) -> None:
        for name in _FIRST_NAMESPACES:
            if self._store.get(NAMESPACES, ("", name)) is None:
                body = {"metadata": {"name": name}}
                self._keep(apply(self._store, Operation("create", NAMESPACES, body=body))[1])

    def _keep(self, events: Events) -> None:
        if self._journal:
            self._journal.write(events)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())
        if self._journal:
            self._journal.close()

    async def _serve(self) -> None:
        config = uvicorn.Config(
            self._application,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        config.load()
        logging.getLogger("uvicorn.error").addFilter(_is_no_fault)
        server = uvicorn.Server(config)
        # What Server.serve() does around its main loop; that loop would take over the process's signals.
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self._listening])
        self._ready.set()
        await self._stop.wait()
        self._application.bells.stop()
        await server.shutdown(sockets=[self._listening])
