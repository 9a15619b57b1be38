"""Counters read at their origin, the gateways and model servers themselves, without Prometheus."""

import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import urllib3

from meshsplit.analysis.asks import to_asks
from meshsplit.analysis.metrics import (
    FROM_PROMETHEUS,
    Answer,
    Answers,
    Backends,
    Custom,
    Key,
    MetricRequest,
    Trouble,
    Unavailable,
)
from meshsplit.analysis.past import StablePast
from meshsplit.metrics.bounds import LIMIT_BYTES, BoundedBody, TooLarge, TooSlow
from meshsplit.metrics.scraped import Scraped, Text, answer
from meshsplit.metrics.targets import Target

DEADLINE_SECONDS = 2.0
"""For all targets together: reads are 1 to 5 s apart."""
_WORKERS = 8
_ACCEPT = {"accept": "text/plain;version=0.0.4", "accept-encoding": "gzip"}
_OK = 200

FindTargets = Callable[[], Sequence[Target]]
"""The targets of now; pods come and go."""


class ScrapeSource:
    """Reads every target at once, a read a time. `headers` go to each, `verify` checks certificates."""

    def __init__(
        self,
        find_targets: FindTargets,
        *,
        backends: Backends = FROM_PROMETHEUS,
        headers: Mapping[str, str] | None = None,
        verify: bool = True,
        deadline: float = DEADLINE_SECONDS,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._find_targets, self._backends = find_targets, backends
        self._deadline, self._limit = deadline, limit_bytes
        self._headers = {**_ACCEPT, **(headers or {})}
        if not verify:
            # Said once here instead of with every request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._http = urllib3.PoolManager(
            maxsize=_WORKERS,
            retries=False,
            timeout=urllib3.Timeout(connect=deadline, read=deadline),
            cert_reqs=ssl.CERT_REQUIRED if verify else ssl.CERT_NONE,
            assert_hostname=None if verify else False,
        )
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="scrape")

    def read(self, requests: Sequence[MetricRequest], now: float) -> Answers:
        """See MetricsSource."""
        asks = to_asks(requests, self._backends)
        answers: dict[Key, Answer] = {
            request.key: Unavailable(Trouble.UNSUPPORTED, "custom counters are read from a Prometheus only")
            for request in requests
            if isinstance(request.what, Custom)
        }
        wanted = {pack.backend for ask in asks for pack, _, _ in ask.to_parts()}
        targets = [target for target in self._find_targets() if target.backend in wanted]
        scraped = self._scrape(targets, now)
        for ask in asks:
            answers.update(answer(ask, scraped, now))
        return {request.key: answers[request.key] for request in requests}

    def read_past(self, requests: Sequence[MetricRequest], now: float) -> Mapping[Key, StablePast]:
        """See MetricsSource: counters at their origin have no past."""
        return {}

    def close(self) -> None:
        """Close every connection."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._http.clear()

    def _scrape(self, targets: Iterable[Target], now: float) -> list[Scraped]:
        """All targets within the deadline; one that is late is left to its thread, which ends soon after."""
        started = time.monotonic()
        running = {self._workers.submit(self._fetch, target, now, started): target for target in targets}
        wait(running, self._deadline)
        return [Scraped(target, self._take(future)) for future, target in running.items()]

    def _take(self, future: "Future[Text | Unavailable]") -> Text | Unavailable:
        """What came in time; a fetch that has not begun by now must not keep a worker from the next read."""
        if future.done():
            return future.result()
        future.cancel()
        return self._late()

    def _late(self) -> Unavailable:
        return Unavailable(Trouble.SLOW, f"no answer within {self._deadline:g} s")

    def _fetch(self, target: Target, now: float, started: float) -> Text | Unavailable:
        try:
            response = self._http.request(
                "GET", target.url, headers=self._headers, preload_content=False, redirect=False
            )
            body = BoundedBody(response, self._limit, started + self._deadline)
            content = body.read_all()
            response.release_conn()
        except urllib3.exceptions.NewConnectionError as error:
            # To urllib3 this is a timeout too, for old callers' sake.
            return Unavailable(Trouble.UNREACHABLE, f"{error}")
        except (TooSlow, urllib3.exceptions.TimeoutError):
            return self._late()
        except TooLarge as error:
            return Unavailable(Trouble.TOO_LARGE, str(error))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return Unavailable(Trouble.UNREACHABLE, f"{error}")
        if response.status != _OK:
            return Unavailable(Trouble.FAILING, f"status {response.status}")
        try:
            return content.decode(), now + time.monotonic() - started
        except UnicodeDecodeError:
            return Unavailable(Trouble.UNREADABLE, "the text is not UTF-8")
