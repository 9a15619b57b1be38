"""The sockets of a client's connections, within reach of the thread that wants them closed."""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from typing import TYPE_CHECKING, Any

from meshsplit.kube.port import Unavailable

if TYPE_CHECKING:
    import urllib3


class Sockets:
    """The sockets of all threads' pools, so that another thread can end what they wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._closed = False

    def register(self, pool: urllib3.HTTPConnectionPool) -> None:
        """Know every socket that this pool connects from now on."""
        base: Any = pool.ConnectionCls
        add = self._add

        def connect(self: Any) -> None:
            base.connect(self)
            add(self.sock)

        pool.ConnectionCls = type("Connection", (base,), {"connect": connect})

    def check(self) -> None:
        """Unavailable once closed."""
        if self._closed:
            raise Unavailable(0, "Closed", "the client is closed")

    def close(self) -> None:
        """Shut all of them down, and every later one as soon as it is connected."""
        with self._lock:
            self._closed = True
            for connected in list(self._open):
                _shut_down(connected)

    def _add(self, connected: socket.socket) -> None:
        with self._lock:
            self._open.add(connected)
            if self._closed:
                _shut_down(connected)


def _shut_down(connected: socket.socket) -> None:
    """Wake whoever reads from it."""
    # An SSLSocket's own shutdown would take its state away from the thread that reads.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
