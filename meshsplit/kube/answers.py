"""HTTP answers as they come in: a whole body by a deadline, or a watch's events one by one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as TimedOut

from meshsplit.kube.port import Unavailable
from meshsplit.kube.wire import to_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.response import BaseHTTPResponse

    from meshsplit.kube.port import WatchEvent

_READ_BYTES = 1 << 16


class WatchAnswer:
    """A watch's answer, cut into events as they come."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._response = response

    def __iter__(self) -> Iterator[WatchEvent]:
        rest = b""
        while chunk := _read_some(self._response):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield to_event(line)

    def close(self) -> None:
        """Close the connection, which the rest of the answer makes useless."""
        self._response.close()


def read_answer(response: BaseHTTPResponse, deadline: float) -> bytes:
    """The whole answer; Unavailable when it is not there by `deadline` on the monotonic clock."""
    chunks = []
    while chunk := _read_some(response):
        chunks.append(chunk)
        if time.monotonic() > deadline:
            response.close()
            raise Unavailable(0, "Timeout", "the answer takes too long")
    return b"".join(chunks)


def _read_some(response: BaseHTTPResponse) -> bytes:
    """What has come, waiting for the first byte; b"" at the end."""
    try:
        return response.read1(_READ_BYTES)
    except HTTPError as error:
        response.close()
        raise to_unavailable(error) from None


def to_unavailable(error: HTTPError) -> Unavailable:
    """No answer, as the port's error."""
    # urllib3 counts a refused connection among its timeouts.
    timed_out = isinstance(error, TimedOut) and not isinstance(error, NewConnectionError)
    reason = "Timeout" if timed_out else "ConnectionFailed"
    return Unavailable(0, reason, f"{type(error).__name__}: {error}")
