"""Versions of DistributedInferenceServices as members of groups: a ModelSplit may list them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.kube.port import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from meshsplit.controller.cache import Cache
    from meshsplit.disvc.objects import Disvc
    from meshsplit.kserve.objects import InferenceService
    from meshsplit.model import GroupKey


class Members:
    """Keeps `cache.versions`, each key by one thread at a time; `on_keys` gets the groups concerned."""

    def __init__(self, cache: Cache, on_keys: Callable[[frozenset[GroupKey]], object]) -> None:
        self._cache = cache
        self._on_keys = on_keys
        self._put: dict[ObjectKey, frozenset[ObjectKey]] = {}

    def put(self, disvc: Disvc, members: Iterable[InferenceService]) -> None:
        """The versions that one has now."""
        by_key = {ObjectKey(member.namespace, member.name): member for member in members}
        self._replace(ObjectKey(disvc.namespace, disvc.name), by_key)

    def drop(self, key: ObjectKey) -> None:
        """It is gone, and its versions with it."""
        self._replace(key, {})

    def _replace(self, owner: ObjectKey, members: Mapping[ObjectKey, InferenceService]) -> None:
        versions = self._cache.versions
        touched = frozenset().union(
            *(versions.delete(key) for key in self._put.get(owner, frozenset()) - members.keys()),
            *(versions.upsert(key, member) for key, member in members.items()),
        )
        self._put[owner] = frozenset(members)
        if touched:
            self._on_keys(self._cache.touched_by_services(touched))
