"""One object, asked for again and again: what may be read by name and not listed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from meshsplit.kube.port import ApiError, NotFound, ObjectKey
from meshsplit.kube.wire import from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from meshsplit.kube.port import Reader, Resource
    from meshsplit.kube.store import Store

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")

POLL_SECONDS = 10.0
"""How late a change may be seen; a namespace's switches are turned by people."""


def _ignore(_error: ApiError) -> None:
    """Report nowhere."""


class Poller(Generic[T, K]):
    """Keeps the one cluster-scoped object of `name` in `store`, as a Reflector keeps a list of them.

    It owns `api` and stops by closing it. A failure keeps what is there.
    """

    def __init__(
        self,
        api: Reader,
        resource: Resource,
        name: str,
        decode: Callable[[dict[str, Any]], T],
        store: Store[T, K],
        on_touched: Callable[[frozenset[K]], object],
        *,
        on_error: Callable[[ApiError], object] = _ignore,
        sleep: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self.resource = resource
        self.synced = threading.Event()
        self._api = api
        self._name = name
        self._decode = decode
        self._store = store
        self._on_touched = on_touched
        self._on_error = on_error
        self._sleep = sleep
        self._stopped = threading.Event()

    def run(self) -> None:
        """Follow until `stop`; `synced` is set once the server has answered."""
        while not self._stopped.is_set():
            self._look()
            self._sleep(self._stopped, POLL_SECONDS)

    def stop(self) -> None:
        """End `run` at once, from any thread."""
        self._stopped.set()
        self._api.close()

    def catch_up(self, api: Reader) -> None:
        """Ask `api` now, from any thread, while `run` goes on as it does. Raises ApiError."""
        key = ObjectKey("", self._name)
        try:
            value = self._decode(from_json(api.get(self.resource, "", self._name)))
        except NotFound:
            self._on_touched(self._store.delete(key))
        else:
            self._on_touched(self._store.upsert(key, value))

    def _look(self) -> None:
        try:
            self.catch_up(self._api)
        except ApiError as error:
            if not self._stopped.is_set():
                self._on_error(error)
            return
        self.synced.set()
