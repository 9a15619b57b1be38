"""Which source answers for an address: a Prometheus, or the gateways and model servers themselves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from meshsplit.analysis.metrics import FROM_PROMETHEUS, Backend
from meshsplit.controller.resources import ENDPOINT_SLICES
from meshsplit.controller.rollouts import GATEWAY
from meshsplit.metrics.prometheus import PrometheusSource
from meshsplit.metrics.scrape import ScrapeSource
from meshsplit.metrics.targets import GATEWAY_PORT, MODELMESH_PORT, to_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshsplit.analysis.metrics import Backends, MetricsSource
    from meshsplit.kube.port import Reader
    from meshsplit.metrics.targets import Target

GATEWAY_SERVICE, MODELMESH_SERVICE = "istio-ingressgateway", "modelmesh-serving"
_OF_SERVICE = "kubernetes.io/service-name"


class Sources:
    """Makes each source once and keeps it; for use by any thread.

    `find_targets` gives what is scraped for the source `gateway`, `backends` by which counters members of
    each deployment mode are told there.
    """

    def __init__(
        self, find_targets: Callable[[], Sequence[Target]], backends: Backends = FROM_PROMETHEUS
    ) -> None:
        self._find_targets = find_targets
        self._backends = backends
        self._lock = threading.Lock()
        self._made: dict[str, MetricsSource] = {}

    def find(self, address: str) -> MetricsSource:
        """The source of an address, or of `gateway`."""
        with self._lock:
            if address not in self._made:
                self._made[address] = self._make(address)
            return self._made[address]

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for source in self._made.values():
                source.close()

    def _make(self, address: str) -> MetricsSource:
        if address == GATEWAY:
            return ScrapeSource(self._find_targets, backends=self._backends, verify=False)
        return PrometheusSource(address)


def find_pods(api: Reader, namespace: str) -> list[Target]:
    """What runs behind the gateway's and ModelMesh's Services; ApiError when that cannot be read."""
    found: list[Target] = []
    for service, backend, port in (
        (GATEWAY_SERVICE, Backend.ISTIO, GATEWAY_PORT),
        (MODELMESH_SERVICE, Backend.MODELMESH, MODELMESH_PORT),
    ):
        page = api.list_page(ENDPOINT_SLICES, namespace=namespace, labels=f"{_OF_SERVICE}={service}", limit=0)
        found += to_targets([item.body for item in page.items], backend, port, service)
    return found
