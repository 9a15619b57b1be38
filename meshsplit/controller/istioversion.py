"""Which version of Istio's API a cluster serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.controller import resources
from meshsplit.kube.port import ApiError, NotFound

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from meshsplit.kube.port import Reader, Resource

PROBE_SECONDS = 2.0
"""How often a cluster that does not answer yet is asked again."""


def find_istio_version(
    api: Reader, namespace: str, stopping: threading.Event, on_error: Callable[[Resource, ApiError], object]
) -> str | None:
    """The best version that is served; None when stopped before one is."""
    while not stopping.is_set():
        for version in resources.ISTIO_VERSIONS:
            resource = resources.virtual_services(version)
            try:
                api.list_page(resource, namespace=namespace, limit=1)
            except NotFound as error:
                on_error(resource, error)
            except ApiError as error:
                on_error(resource, error)
                break
            else:
                return version
        stopping.wait(PROBE_SECONDS)
    return None
