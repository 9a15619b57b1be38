"""Counters from a Prometheus: one query a signal, whatever the number of rollouts."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from meshsplit.analysis.asks import SignalAsk, find_unsupported, to_asks
from meshsplit.analysis.metrics import (
    FROM_PROMETHEUS,
    Answer,
    Answers,
    Backends,
    Custom,
    Failure,
    Key,
    MetricRequest,
    Trouble,
    Unavailable,
)
from meshsplit.analysis.past import BURST_SECONDS, STEP_SECONDS, StablePast
from meshsplit.analysis.queries.promql import make_query
from meshsplit.metrics.answers import Matrix, Vector, find_partial, to_matrix, to_refusal, to_vector
from meshsplit.metrics.bounds import LIMIT_BYTES, TooLarge, TooSlow
from meshsplit.metrics.customs import Ask, read_customs
from meshsplit.metrics.pasts import read_pasts
from meshsplit.metrics.transport import NO_RETRIES, BoundedSession
from meshsplit.metrics.vectors import to_snapshot

Result = TypeVar("Result", Vector, Matrix)

TIMEOUT_SECONDS = 5.0
LAG_SECONDS = 2.0
"""How far in the past a query looks: a scrape that is being stored meanwhile would be seen by one half of the
query and not by the other.
"""


class PrometheusSource:
    """A Prometheus at one address; `read` from any thread, each has a session of its own.

    `headers` go with every query (a bearer token). `verify` checks certificates: against the usual
    authorities, those in a file, or not at all.
    """

    def __init__(
        self,
        address: str,
        *,
        backends: Backends = FROM_PROMETHEUS,
        headers: Mapping[str, str] | None = None,
        verify: bool | str = True,
        timeout: float = TIMEOUT_SECONDS,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._address, self._backends = address.rstrip("/"), backends
        self._headers, self._timeout, self._limit = dict(headers or {}), timeout, limit_bytes
        self._verify = verify
        self._of_thread = threading.local()
        self._sessions: list[BoundedSession] = []
        self._lock = threading.Lock()

    def read(self, requests: Sequence[MetricRequest], now: float) -> Answers:
        """See MetricsSource."""
        at = now - LAG_SECONDS
        answers: dict[Key, Answer] = {}
        for ask in to_asks(requests, self._backends):
            answers.update(self._read_signal(ask, at, now))
        customs = [request for request in requests if isinstance(request.what, Custom)]
        answers.update(read_customs(customs, self._asker(at), at))
        return {request.key: answers[request.key] for request in requests}

    def read_past(self, requests: Sequence[MetricRequest], now: float) -> Mapping[Key, StablePast]:
        """See MetricsSource."""
        at = now - LAG_SECONDS
        return read_pasts(requests, self._backends, lambda query: self._ask_range(query, at), at)

    def close(self) -> None:
        """Close every thread's connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def _read_signal(self, ask: SignalAsk, at: float, now: float) -> dict[Key, Answer]:
        parts = ask.to_parts()
        vector = self._ask(make_query(parts), at) if parts else ()
        if not isinstance(vector, tuple):
            return {request.key: vector for request, _ in ask.requests}
        snapshot = to_snapshot(vector, ask.signal, parts, at)
        return {
            request.key: find_unsupported(places) or ask.answer(request, places, snapshot, now)
            for request, places in ask.requests
        }

    def _asker(self, at: float) -> Ask:
        return lambda query: self._ask(query, at)

    def _ask(self, query: str, at: float) -> Vector | Failure:
        """The result of an instant query, or why there is none; never an exception."""
        limits = {"time": f"{at:.3f}", "timeout": f"{self._timeout:g}s"}
        return self._send(lambda client: client.custom_query(query, limits), to_vector)

    def _ask_range(self, query: str, until: float) -> Matrix | Failure:
        """The result of a range query over the past that is wanted, or why there is none."""
        begin, end = (datetime.fromtimestamp(at, UTC) for at in (until - BURST_SECONDS, until))
        limits = {"timeout": f"{self._timeout:g}s"}
        step = f"{STEP_SECONDS:g}s"
        return self._send(
            lambda client: client.custom_query_range(query, begin, end, step, limits), to_matrix
        )

    def _send(
        self, send: Callable[[PrometheusConnect], Any], read: Callable[[Any], Result]
    ) -> Result | Failure:
        try:
            client, session = self._get_client()
        except ValueError as error:
            return Unavailable(Trouble.UNREACHABLE, f"{self._address} is no address: {error}")
        session.answer = None
        try:
            result = send(client)
            return find_partial(session.answer) or read(result)
        except (TooSlow, requests.exceptions.ReadTimeout, urllib3.exceptions.TimeoutError):
            return Unavailable(Trouble.SLOW, f"{self._address} did not answer within {self._timeout:g} s")
        except TooLarge as error:
            return Unavailable(Trouble.TOO_LARGE, f"{self._address} answers with {error}")
        except PrometheusApiClientException:
            return to_refusal(session.answer, self._address)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            return self._to_unreadable(session.answer, error)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return Unavailable(Trouble.UNREACHABLE, f"{self._address}: {_innermost(error)}")

    def _to_unreadable(self, answer: requests.Response | None, error: Exception) -> Unavailable:
        """An answer that is no result (no JSON, an error with status 200), or an address that is none."""
        if answer is None:
            return Unavailable(Trouble.UNREACHABLE, f"{self._address}: {error}")
        return to_refusal(answer, self._address)

    def _get_client(self) -> tuple[PrometheusConnect, BoundedSession]:
        """The client of the calling thread; queries are posted, for one may hold hundreds of names."""
        client: PrometheusConnect | None = getattr(self._of_thread, "client", None)
        if client is None:
            session = BoundedSession(self._address, self._limit, self._timeout)
            session.verify = self._verify
            client = PrometheusConnect(
                self._address,
                headers=self._headers,
                retry=NO_RETRIES,
                session=session,
                timeout=self._timeout,
                method="POST",
            )
            session.claim()
            self._of_thread.client, self._of_thread.session = client, session
            with self._lock:
                self._sessions.append(session)
        return client, self._of_thread.session


def _innermost(error: BaseException) -> str:
    """The cause at the bottom, which is what a person can act on: `Connection refused`."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
