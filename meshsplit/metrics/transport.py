"""The HTTP session under the Prometheus client: no retries, bounded, and it keeps the last answer."""

import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from meshsplit.metrics.bounds import BoundedBody

NO_RETRIES = Retry(total=0, redirect=False)
"""The next read is the retry; the client's own default waits through four of them, 6 s."""


class _Bounded(HTTPAdapter):
    def __init__(self, limit: int, seconds: float) -> None:
        super().__init__(max_retries=NO_RETRIES)
        self._limit, self._seconds = limit, seconds

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, stream: bool = False, **options: Any
    ) -> requests.Response:
        deadline = time.monotonic() + self._seconds
        response = super().send(request, stream=True, **options)
        response.raw = BoundedBody(response.raw, self._limit, deadline)
        return response


class BoundedSession(requests.Session):
    """A session for one thread; `answer` is the last response, None when there was none."""

    def __init__(self, address: str, limit: int, seconds: float) -> None:
        super().__init__()
        self.answer: requests.Response | None = None
        self._bounded = _Bounded(limit, seconds)
        # Neither a proxy of the environment nor its .netrc: the address is asked as it is written.
        self.trust_env = False
        self.max_redirects = 0
        self.hooks["response"].append(self._keep)
        self._address = address

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """Post the query as a form; the client would put it into the URL, which proxies cut at 8 KB."""
        if method == "POST":
            options["data"] = options.pop("params", None)
        return super().request(method, url, **options)

    def claim(self) -> None:
        """Serve the address's API: the longest prefix wins over the adapter that the client mounts."""
        self.mount(f"{self._address}/api/", self._bounded)

    def _keep(self, response: requests.Response, **_: object) -> None:
        self.answer = response
