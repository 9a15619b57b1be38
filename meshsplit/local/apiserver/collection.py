"""All objects of one kind, in the order lists give them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json

# (namespace, name); the namespace of a cluster-scoped object is empty.
Key = tuple[str, str]


class Collection:
    """Objects by key, with their keys kept sorted."""

    def __init__(self) -> None:
        self._objects: dict[Key, Json] = {}
        self._keys: list[Key] = []

    def get(self, key: Key) -> Json | None:
        """The object, or None."""
        return self._objects.get(key)

    def put(self, key: Key, stored: Json) -> None:
        """Add or replace."""
        if key not in self._objects:
            insort(self._keys, key)
        self._objects[key] = stored

    def remove(self, key: Key) -> None:
        """Take out; KeyError when it is not there."""
        del self._objects[key]
        del self._keys[bisect_left(self._keys, key)]

    def sorted_keys(self, namespace: str = "", after: Key | None = None) -> list[Key]:
        """Sorted keys of a namespace (empty: of all) that come after a key."""
        start = bisect_right(self._keys, after) if after else 0
        if not namespace:
            return self._keys[start:]
        first = bisect_left(self._keys, (namespace, ""))
        end = bisect_left(self._keys, (namespace + "\0", ""))
        return self._keys[max(start, first) : end]
