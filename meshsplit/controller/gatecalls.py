"""Calls gates over HTTP, off the threads that work on groups; answers are kept until they are taken."""

from __future__ import annotations

import base64
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import urllib3

from meshsplit.controller.resources import SECRETS
from meshsplit.kube.port import ApiError
from meshsplit.rollout.gates import SIGNATURE_HEADER, sign
from meshsplit.rollout.observation import GateResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshsplit.kube.port import Reader
    from meshsplit.model import GroupKey
    from meshsplit.rollout.turn import Call

log = logging.getLogger(__name__)

CALLERS = 4
_OPEN = range(200, 300)
_MESSAGE_LIMIT = 200


class GateCalls:
    """Posts the payload of each call; `on_answer` gets the key whose answer has come.

    A redirect is no answer. The Secret that signs a call is read when it is made, and never kept.
    """

    def __init__(self, api: Reader, on_answer: Callable[[frozenset[GroupKey]], object]) -> None:
        self._api = api
        self._on_answer = on_answer
        self._http = urllib3.PoolManager(maxsize=CALLERS, retries=False)
        self._pool = ThreadPoolExecutor(CALLERS, thread_name_prefix="gate")
        self._lock = threading.Lock()
        self._answers: dict[GroupKey, dict[str, GateResult]] = {}

    def make(self, key: GroupKey, calls: Iterable[Call]) -> None:
        """Make the calls; returns at once."""
        for call in calls:
            self._pool.submit(self._call, key, call)

    def put(self, key: GroupKey, result: GateResult) -> None:
        """An answer has come."""
        with self._lock:
            self._answers.setdefault(key, {})[result.call] = result
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

    def stop(self) -> None:
        """Make no more calls."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._http.clear()

    def _call(self, key: GroupKey, call: Call) -> None:
        result = self._post(key, call)
        log.info("gate answered", extra={"group": str(key), "gate": call.gate.name, "opened": result.opened})
        self.put(key, result)

    def _post(self, key: GroupKey, call: Call) -> GateResult:
        body = json.dumps(call.payload, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        try:
            if call.gate.secret is not None:
                headers[SIGNATURE_HEADER] = sign(body, self._read_secret(key.namespace, *call.gate.secret))
            timeout = urllib3.Timeout(total=call.gate.timeout)
            response = self._http.request(
                "POST", call.gate.url, body=body, headers=headers, timeout=timeout, redirect=False
            )
        except (urllib3.exceptions.HTTPError, ApiError, KeyError, ValueError) as error:
            return GateResult(call.call, False, f"{type(error).__name__}: {error}"[:_MESSAGE_LIMIT])
        opened = response.status in _OPEN
        return GateResult(call.call, opened, "" if opened else f"status {response.status}")

    def _read_secret(self, namespace: str, name: str, field: str) -> bytes:
        data = json.loads(self._api.get(SECRETS, namespace, name))["data"]
        return base64.b64decode(data[field], validate=True)
