"""One serving's open ports, and the catalog that they read."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Self

from meshsplit.local.models.catalog import Catalog
from meshsplit.local.models.exposition import make_metrics_routes
from meshsplit.local.models.listeners import GrpcListener, RestListener
from meshsplit.local.models.modelmesh import pick_by_payload_or_header
from meshsplit.local.models.openai import make_openai_routes
from meshsplit.local.models.rest import make_app
from meshsplit.local.models.rpc import InferenceService, pick_by_payload
from meshsplit.local.models.spec import ModelMeshServing, Ports
from meshsplit.local.models.v1 import make_v1_routes
from meshsplit.local.models.v2 import make_v2_routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsplit.local.models.listeners import Listener
    from meshsplit.local.models.spec import Behaviour, Serving

_log = logging.getLogger(__name__)


class Server:
    """Answers for one serving from `open` until `close`."""

    def __init__(
        self, catalog: Catalog, rest: RestListener, grpc: GrpcListener, metrics: RestListener | None
    ) -> None:
        self._catalog = catalog
        self._listeners: list[Listener] = [rest, grpc, *([metrics] if metrics else [])]
        self._draining: list[asyncio.Task[None]] = []
        self.ports = Ports(rest.port, grpc.port, metrics.port if metrics else None, os.getpid())

    @classmethod
    async def open(cls, serving: Serving) -> Self:
        """Accepts on all its ports when it returns; OSError when one cannot be had."""
        catalog = Catalog(serving)
        opened: list[Listener] = []
        try:
            opened.append(rest := await _open_rest(serving, catalog))
            opened.append(grpc := await _open_grpc(serving, catalog))
            metrics = await _open_metrics(serving, catalog)
        except OSError:
            for listener in opened:
                await listener.close()
            raise
        return cls(catalog, rest, grpc, metrics)

    def update(self, serving: Serving) -> None:
        """Answer for `serving`, of the same key, from the next request on."""
        self._catalog.update(serving)

    def behave(self, behaviours: Iterable[Behaviour]) -> None:
        """See ModelServer.behave; those of other namespaces are not for this one."""
        namespace = self._catalog.namespace
        self._catalog.conduct.follow(each for each in behaviours if each.namespace == namespace)

    async def close(self) -> None:
        """Returns when the ports are closed; draining goes on. Again is harmless."""
        if not self._draining:
            self._draining = [asyncio.create_task(_drain(listener)) for listener in self._listeners]
            # Both kinds close their port before they first wait.
            await asyncio.sleep(0)

    async def drain(self) -> None:
        """Close, and return when no request is in flight any more."""
        await self.close()
        await asyncio.gather(*self._draining)


async def _drain(listener: Listener) -> None:
    await listener.close()
    _log.info("port %d drained", listener.port)


async def _open_rest(serving: Serving, catalog: Catalog) -> RestListener:
    if isinstance(serving, ModelMeshServing):
        return await RestListener.open(make_app(catalog, make_v2_routes(catalog)))
    routes = [*make_v2_routes(catalog), *make_openai_routes(catalog), *make_v1_routes(catalog)]
    return await RestListener.open(make_app(catalog, routes))


async def _open_grpc(serving: Serving, catalog: Catalog) -> GrpcListener:
    pick = pick_by_payload_or_header if isinstance(serving, ModelMeshServing) else pick_by_payload
    return await GrpcListener.open(InferenceService(catalog, pick))


async def _open_metrics(serving: Serving, catalog: Catalog) -> RestListener | None:
    """A port of its own, as ModelMesh has one: what reads counters is no caller of models."""
    if not isinstance(serving, ModelMeshServing):
        return None
    return await RestListener.open(make_app(catalog, make_metrics_routes(catalog)))
