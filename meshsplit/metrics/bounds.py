"""The body of an HTTP answer, bounded in size and in time."""

import time
from typing import Protocol

CHUNK_BYTES = 64 * 1024
LIMIT_BYTES = 64 * 1024 * 1024
"""5,000 rollouts on 10 gateways are some 30 MB; more than twice that is no answer to our question."""


class TooLarge(Exception):  # noqa: N818 - it says what the answer is
    """The answer is larger than the limit; the rest of it was not read."""


class TooSlow(Exception):  # noqa: N818 - it says what the answer is
    """The answer was still coming when the time was over."""


class Raw(Protocol):
    """What urllib3 gives for a response that is read by and by."""

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """What has arrived, at least one byte; empty at the end."""

    def close(self) -> None:
        """Close the connection."""

    def release_conn(self) -> None:
        """Give the connection back."""


class BoundedBody:
    """A readable body. A socket's timeout is for one wait, so a server that drips would be read for ever."""

    def __init__(self, raw: Raw, limit: int, deadline: float) -> None:
        self._raw, self._left, self._deadline = raw, limit, deadline
        self._limit = limit

    def read(self, amount: int = CHUNK_BYTES) -> bytes:
        """At most `amount` bytes, empty at the end; TooLarge and TooSlow (on the monotonic clock)."""
        if time.monotonic() > self._deadline:
            self.close()
            raise TooSlow
        received = self._raw.read1(amount, decode_content=True)
        self._left -= len(received)
        if self._left < 0:
            self.close()
            raise TooLarge(f"more than {self._limit // 1024:,} KiB")
        return received

    def read_all(self) -> bytes:
        """The whole body."""
        return b"".join(iter(self.read, b""))

    def close(self) -> None:
        """Close the connection; nothing more is read."""
        self._raw.close()

    def release_conn(self) -> None:
        """Give the connection back for the next request."""
        self._raw.release_conn()
