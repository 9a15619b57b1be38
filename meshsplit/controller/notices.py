"""Tells webhooks of rollouts, off the threads that work on groups; what is not taken is counted."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from meshsplit.controller.signed import SUCCESS, NotPosted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from meshsplit.controller.signed import SignedPosts
    from meshsplit.model import GroupKey
    from meshsplit.rollout.notices import Notice

log = logging.getLogger(__name__)

TELLERS = 4
"""Messages that are under way at the same time."""
MOST_WAITING = 1000
"""Messages that wait; what comes then is dropped: a webhook that hangs must not fill the memory."""
REMEMBERED = 10_000
"""Messages that are not sent again."""
TIMEOUT_SECONDS = 10.0
RETRIES_AFTER = (1.0, 5.0, 30.0)
"""Seconds before each further attempt; a webhook that is being restarted is back by then."""

SENT, FAILED, DROPPED = "sent", "failed", "dropped"
"""What became of a message."""


class Notices:
    """Sends each message once in the life of the process, however often it is asked to.

    `on_result` gets what became of each. `send` returns at once, and is for any thread. Of an address only
    scheme and host are logged: that of a chat's webhook is a secret.
    """

    def __init__(
        self,
        posts: SignedPosts,
        on_result: Callable[[str], object],
        retries_after: Sequence[float] = RETRIES_AFTER,
    ) -> None:
        self._posts = posts
        self._on_result = on_result
        self._retries_after = retries_after
        self._pool = ThreadPoolExecutor(TELLERS, thread_name_prefix="notice")
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._told: OrderedDict[tuple[GroupKey, str, str], None] = OrderedDict()
        self._waiting = 0

    def send(self, key: GroupKey, notices: Iterable[Notice]) -> None:
        """Send what was not sent yet."""
        for notice in notices:
            if self._is_new((key, notice.id, notice.to.url)):
                self._enqueue(key, notice)

    def stop(self) -> None:
        """Send nothing more; attempts under way end by their own time limit."""
        self._stopping.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _is_new(self, message: tuple[GroupKey, str, str]) -> bool:
        with self._lock:
            if message in self._told:
                return False
            self._told[message] = None
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            return True

    def _enqueue(self, key: GroupKey, notice: Notice) -> None:
        with self._lock:
            full = self._waiting >= MOST_WAITING
            self._waiting += not full
        if full:
            self._note(key, notice, DROPPED, f"{MOST_WAITING} messages wait already")
        elif not self._stopping.is_set():
            self._pool.submit(self._tell, key, notice)

    def _tell(self, key: GroupKey, notice: Notice) -> None:
        try:
            problem = self._attempt(key, notice)
            for pause in self._retries_after:
                if not problem or self._stopping.wait(pause):
                    break
                problem = self._attempt(key, notice)
            self._note(key, notice, FAILED if problem else SENT, problem)
        finally:
            with self._lock:
                self._waiting -= 1

    def _attempt(self, key: GroupKey, notice: Notice) -> str:
        """Why it was not taken; "" when it was."""
        to = notice.to
        secret = (key.namespace, *to.secret) if to.secret is not None else None
        try:
            status = self._posts.post(to.url, notice.body, TIMEOUT_SECONDS, secret, notice.content_type)
        except NotPosted as error:
            return error.reason
        return "" if status in SUCCESS else f"status {status}"

    def _note(self, key: GroupKey, notice: Notice, result: str, problem: str) -> None:
        said = {"group": str(key), "event": notice.id, "to": _without_path(notice.to.url), "result": result}
        if problem:
            log.warning("a message of a rollout was not taken", extra={**said, "problem": problem})
        else:
            log.info("told of a rollout", extra=said)
        self._on_result(result)


def _without_path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
