"""Faults that a test asks for: slow, refused or broken answers, as a real API server gives them at times."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from meshsplit.local.apiserver.status import Refused

# Reason and message by code, as apimachinery's errors name them.
_REASONS = {
    403: ("Forbidden", "forbidden by a fault"),
    409: ("Conflict", "the object has been modified; please apply your changes to the latest version"),
    410: ("Expired", "The resourceVersion for the provided watch is too old."),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "an error on the server has prevented the request from succeeding"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to requests whose method and path match, `times` times (0: always).

    `delay` is in seconds. `code` answers with that status instead; `retry_after` in seconds goes with it.
    `cut_after` breaks a watch's connection after so many events; `expire_after` ends it with a 410 event.
    `freeze_after` keeps it open and silent: a half-open stream.
    """

    path: str = ""
    method: str = ""
    times: int = 1
    watches_only: bool = False
    delay: float = 0.0
    code: int = 0
    retry_after: int = 0
    cut_after: int | None = None
    expire_after: int | None = None
    freeze_after: int | None = None

    def matches(self, method: str, path: str, *, watch: bool) -> bool:
        """Whether a request meets this fault; `path` is a regular expression found anywhere in the path."""
        on_streams = self.watches_only or not (
            self.cut_after is None and self.expire_after is None and self.freeze_after is None
        )
        if on_streams and not watch:
            return False
        return (not self.method or self.method == method) and re.search(self.path, path) is not None

    def refusal(self) -> Refused:
        """The answer for `code`."""
        reason, message = _REASONS.get(self.code, ("", f"fault {self.code}"))
        details = {"retryAfterSeconds": self.retry_after} if self.retry_after else None
        return Refused(self.code, reason, message, details)


class Faults:
    """The faults to come; safe to change from any thread while the server runs."""

    def __init__(self, *faults: Fault) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int]] = [(fault, fault.times) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Put one more at the end."""
        with self._lock:
            self._left.append((fault, fault.times))

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._left.clear()

    def take(self, method: str, path: str, *, watch: bool) -> Fault | None:
        """The first fault that meets the request, counted as used."""
        with self._lock:
            for index, (fault, times) in enumerate(self._left):
                if fault.matches(method, path, watch=watch):
                    if times == 1:
                        del self._left[index]
                    elif times > 1:
                        self._left[index] = (fault, times - 1)
                    return fault
        return None
