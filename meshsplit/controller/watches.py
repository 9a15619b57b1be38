"""Which resource types are followed, how each object is decoded, and whom a change of it concerns."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from meshsplit.controller import resources
from meshsplit.controller.index import group_keys
from meshsplit.controller.live import to_live_route, to_live_split
from meshsplit.kserve.objects import InferenceService, NamespaceObject, ServingRuntime
from meshsplit.kserve.observed import Unread, read
from meshsplit.kube.poller import Poller
from meshsplit.kube.reflector import Reflector

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.controller.cache import Cache
    from meshsplit.controller.index import Key
    from meshsplit.controller.live import Body
    from meshsplit.kube.port import ApiError, Reader, Resource
    from meshsplit.kube.store import Store
    from meshsplit.model import GroupKey, Settings

Follower = Reflector[Any, Any] | Poller[Any, Any]
V = TypeVar("V")


class Watches:
    """Makes the followers of one cache; each gets an API of its own, by which it is stopped.

    `on_keys` gets the groups that a change concerns; `on_surroundings` is called when it is of a namespace, a
    runtime or a gateway.

    With a `namespace` only that is followed, and nothing that is not in one: the Namespace itself is asked
    for by name, and cluster-wide runtimes count as not there.
    """

    def __init__(
        self,
        connect: Callable[[], Reader],
        cache: Cache,
        settings: Settings,
        namespace: str,
        istio_version: str,
        on_keys: Callable[[frozenset[GroupKey]], object],
        on_surroundings: Callable[[], object],
        on_error: Callable[[Resource, ApiError], object],
    ) -> None:
        self._connect = connect
        self._cache = cache
        self._settings = settings
        self._namespace = namespace
        self._istio_version = istio_version
        self._on_keys = on_keys
        self._on_surroundings = on_surroundings
        self._on_error = on_error

    def make_followers(self) -> list[Follower]:
        """One for each resource type, in order of what is wanted first."""
        cache = self._cache
        followers: list[Follower] = [
            self._reflect(
                resources.INFERENCE_SERVICES, self._read_service, cache.services, cache.touched_by_services
            ),
            self._reflect(
                resources.MODEL_SPLITS,
                lambda body: to_live_split(body, self._settings),
                cache.splits,
                cache.touched_by_splits,
            ),
            self._reflect(resources.SERVING_RUNTIMES, self._read_runtime, cache.runtimes, self._in_scope),
            self._reflect(
                resources.virtual_services(self._istio_version), to_live_route, cache.routes, group_keys
            ),
        ]
        return followers + (self._make_scoped() if self._namespace else self._make_clusterwide())

    def _make_clusterwide(self) -> list[Follower]:
        cache = self._cache
        return [
            self._reflect(resources.NAMESPACES, self._read_namespace, cache.namespaces, self._in_scope),
            self._reflect(
                resources.CLUSTER_SERVING_RUNTIMES,
                self._read_runtime,
                cache.cluster_runtimes,
                self._in_scope,
            ),
            self._reflect(
                resources.gateways(self._istio_version),
                lambda body: body,
                cache.gateways,
                self._at_gateways,
            ),
        ]

    def _make_scoped(self) -> list[Follower]:
        """A Role can allow to get the one Namespace, not to list it; gateways of others cannot be seen."""
        cache = self._cache
        return [
            Poller(
                self._connect(),
                resources.NAMESPACES,
                self._namespace,
                self._decoder(resources.NAMESPACES, self._read_namespace),
                cache.namespaces,
                lambda touched: self._on_keys(self._in_scope(touched)),
                on_error=lambda error: self._on_error(resources.NAMESPACES, error),
            )
        ]

    def _in_scope(self, touched: frozenset[Key]) -> frozenset[GroupKey]:
        self._on_surroundings()
        return self._cache.touched_by_scopes(touched)

    def _at_gateways(self, touched: frozenset[Key]) -> frozenset[GroupKey]:
        self._on_surroundings()
        return self._cache.touched_by_gateways(touched)

    def _reflect(
        self,
        resource: Resource,
        decode: Callable[[Body], V],
        store: Store[V, Key],
        concern: Callable[[frozenset[Key]], frozenset[GroupKey]],
    ) -> Reflector[V, Key]:
        return Reflector(
            self._connect(),
            resource,
            self._decoder(resource, decode),
            store,
            lambda touched: self._on_keys(concern(touched)),
            namespace=self._namespace if resource.namespaced else "",
            on_error=lambda error: self._on_error(resource, error),
        )

    def _decoder(self, resource: Resource, decode: Callable[[Body], V]) -> Callable[[Body], V]:
        """In a list the server leaves out the kind of built-in objects.

        What many objects have in common is one string for all of them; a body is ours to change.
        """
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}

        def decode_whole(body: Body) -> V:
            metadata = body["metadata"]
            if metadata.get("namespace"):
                metadata["namespace"] = sys.intern(metadata["namespace"])
            body.update(kind)
            return decode(body)

        return decode_whole

    def _read_service(self, body: Body) -> InferenceService | Unread:
        return _as(read(body, self._settings), InferenceService)

    def _read_runtime(self, body: Body) -> ServingRuntime | Unread:
        return _as(read(body, self._settings), ServingRuntime)

    def _read_namespace(self, body: Body) -> NamespaceObject | Unread:
        return _as(read(body, self._settings), NamespaceObject)


def _as(reading: object, kind: type[V]) -> V | Unread:
    if isinstance(reading, (kind, Unread)):
        return reading
    raise TypeError(f"{reading!r:.80} is no {kind.__name__}")
