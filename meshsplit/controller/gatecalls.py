"""Calls gates over HTTP, off the threads that work on groups; answers are kept until they are taken."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from meshsplit.controller.signed import SUCCESS, NotPosted
from meshsplit.rollout.observation import GateResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshsplit.controller.signed import SignedPosts
    from meshsplit.model import GroupKey
    from meshsplit.rollout.turn import Call

log = logging.getLogger(__name__)

CALLERS = 4
_MESSAGE_LIMIT = 400


class GateCalls:
    """Posts the payload of each call; `on_answer` gets the key whose answer has come."""

    def __init__(self, posts: SignedPosts, on_answer: Callable[[frozenset[GroupKey]], object]) -> None:
        self._posts = posts
        self._on_answer = on_answer
        self._pool = ThreadPoolExecutor(CALLERS, thread_name_prefix="gate")
        self._lock = threading.Lock()
        self._answers: dict[GroupKey, dict[str, GateResult]] = {}
        self._under_way: dict[GroupKey, set[str]] = {}

    def make(self, key: GroupKey, calls: Iterable[Call]) -> None:
        """Make the calls; returns at once."""
        for call in calls:
            with self._lock:
                self._under_way.setdefault(key, set()).add(call.call)
            self._pool.submit(self._call, key, call)

    def put(self, key: GroupKey, result: GateResult) -> None:
        """An answer has come."""
        with self._lock:
            self._keep(key, result)
        self._on_answer(frozenset({key}))

    def find(self, key: GroupKey) -> tuple[GateResult, ...]:
        """The answers that have come, which stay until `drop`."""
        with self._lock:
            return tuple(result for _, result in sorted(self._answers.get(key, {}).items()))

    def drop(self, key: GroupKey, results: Iterable[GateResult]) -> None:
        """Forget answers that are in the group's state."""
        with self._lock:
            kept = self._answers.get(key, {})
            for result in results:
                kept.pop(result.call, None)
            if not kept:
                self._answers.pop(key, None)

    def forget(self, key: GroupKey) -> None:
        """Forget all answers of a group that is gone, and do not keep those that are still to come."""
        with self._lock:
            self._answers.pop(key, None)
            self._under_way.pop(key, None)

    def stop(self) -> None:
        """Make no more calls."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._posts.close()

    def _call(self, key: GroupKey, call: Call) -> None:
        result = self._post(key, call)
        log.info("gate answered", extra={"group": str(key), "gate": call.gate.name, "opened": result.opened})
        with self._lock:
            under_way = self._under_way.get(key, set())
            wanted = call.call in under_way
            under_way.discard(call.call)
            if not under_way:
                self._under_way.pop(key, None)
            if wanted:  # under the same lock, as the group may be forgotten at any moment
                self._keep(key, result)
        if wanted:
            self._on_answer(frozenset({key}))

    def _keep(self, key: GroupKey, result: GateResult) -> None:
        self._answers.setdefault(key, {})[result.call] = result

    def _post(self, key: GroupKey, call: Call) -> GateResult:
        gate = call.gate
        secret = (key.namespace, *gate.secret) if gate.secret is not None else None
        try:
            status = self._posts.post(gate.url, call.payload, gate.timeout, secret)
        except NotPosted as error:
            return GateResult(call.call, False, str(error)[:_MESSAGE_LIMIT])
        opened = status in SUCCESS
        return GateResult(call.call, opened, "" if opened else f"status {status}")
