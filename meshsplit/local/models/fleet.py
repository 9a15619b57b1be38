"""All listeners of the process, brought from what is served to what is asked for."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from collections.abc import Iterable, Mapping

    from meshsplit.local.models.listeners import Listener
    from meshsplit.local.models.spec import Behaviour, Serving, ServingKey

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A serving's open listeners and the catalog they read; `protocol` is what cannot change in place."""

    protocol: tuple[type, bool]
    catalog: Catalog
    rest: RestListener | None
    grpc: GrpcListener | None
    metrics: RestListener | None

    @property
    def ports(self) -> Ports:
        return Ports(*(each.port if each else None for each in (self.rest, self.grpc, self.metrics)))

    @property
    def listeners(self) -> list[Listener]:
        return [each for each in (self.rest, self.grpc, self.metrics) if each]


class Fleet:
    """What the process serves; its methods are called one at a time."""

    def __init__(self) -> None:
        self._standing: dict[ServingKey, _Standing] = {}
        self._behaviours: tuple[Behaviour, ...] = ()
        self._closing: set[asyncio.Task[None]] = set()

    async def serve(self, servings: Iterable[Serving]) -> Mapping[ServingKey, Ports]:
        """See ModelServer.serve; on OSError everything stands as before."""
        wanted = {serving.key: serving for serving in servings}
        kept = {
            key: standing
            for key, standing in self._standing.items()
            if key in wanted and standing.protocol == _to_protocol(wanted[key])
        }
        added: dict[ServingKey, _Standing] = {}
        try:
            for key, serving in wanted.items():
                if key not in kept:
                    added[key] = await _open(serving)
                    self._instruct(added[key].catalog)
        except OSError:
            await self._close(added.values())
            raise
        for key, standing in kept.items():
            standing.catalog.update(wanted[key])
        removed = [standing for key, standing in self._standing.items() if key not in kept]
        self._standing = kept | added
        await self._close(removed)
        _log.info(
            "%d servings: %d kept, %d added, %d closed", len(wanted), len(kept), len(added), len(removed)
        )
        return {key: standing.ports for key, standing in self._standing.items()}

    def behave(self, behaviours: tuple[Behaviour, ...]) -> None:
        """See ModelServer.behave."""
        self._behaviours = behaviours
        for standing in self._standing.values():
            self._instruct(standing.catalog)

    def _instruct(self, catalog: Catalog) -> None:
        catalog.conduct.follow(each for each in self._behaviours if each.namespace == catalog.namespace)

    async def stop(self) -> None:
        """Close every listener and wait until no request is in flight."""
        await self._close(self._standing.values())
        self._standing = {}
        await asyncio.gather(*self._closing)

    async def _close(self, standing: Iterable[_Standing]) -> None:
        """Returns when the ports are closed; draining goes on."""
        listeners = [listener for each in standing for listener in each.listeners]
        for listener in listeners:
            task = asyncio.create_task(_drain(listener))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        # Both kinds close their port before they first wait.
        await asyncio.sleep(0)


async def _drain(listener: Listener) -> None:
    await listener.close()
    _log.info("port %d drained", listener.port)


def _to_protocol(serving: Serving) -> tuple[type, bool]:
    return type(serving), not isinstance(serving, ModelMeshServing) and serving.grpc


async def _open(serving: Serving) -> _Standing:
    catalog = Catalog(serving)
    opened: list[Listener] = []
    try:
        if (rest := await _open_rest(serving, catalog)) is not None:
            opened.append(rest)
        if (grpc := await _open_grpc(serving, catalog)) is not None:
            opened.append(grpc)
        metrics = await _open_metrics(serving, catalog)
    except OSError:
        for listener in opened:
            await listener.close()
        raise
    return _Standing(_to_protocol(serving), catalog, rest, grpc, metrics)


async def _open_rest(serving: Serving, catalog: Catalog) -> RestListener | None:
    if isinstance(serving, ModelMeshServing):
        return await RestListener.open(make_app(catalog, make_v2_routes(catalog)))
    if serving.grpc:
        return None
    routes = [*make_v2_routes(catalog), *make_openai_routes(catalog), *make_v1_routes(catalog)]
    return await RestListener.open(make_app(catalog, routes))


async def _open_grpc(serving: Serving, catalog: Catalog) -> GrpcListener | None:
    if isinstance(serving, ModelMeshServing):
        return await GrpcListener.open(InferenceService(catalog, pick_by_payload_or_header))
    return await GrpcListener.open(InferenceService(catalog, pick_by_payload)) if serving.grpc else None


async def _open_metrics(serving: Serving, catalog: Catalog) -> RestListener | None:
    """A port of its own, as ModelMesh has one: what reads counters is no caller of models."""
    if not isinstance(serving, ModelMeshServing):
        return None
    return await RestListener.open(make_app(catalog, make_metrics_routes(catalog)))
