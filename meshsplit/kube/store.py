"""The objects of one resource type as last seen, found again by group."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping

    from meshsplit.kube.port import ObjectKey

V = TypeVar("V")
K = TypeVar("K", bound="Hashable")


class Store(Generic[V, K]):
    """Values by object key and by every group key that `index` gives them; for use by any thread.

    A write returns the group keys it touched: those of the old value and those of the new one, or of an edit
    what `concern` says of both. A value equal to the one that is there touches nothing, so an edit of fields
    that are not read costs no work.

    What is older than what is known is a late report and is dropped, in whatever order a watch, lists and the
    answers to writes come: whoever writes an object puts the server's answer here, and reads what it wrote.
    `version` is that of a value that has one, else what a write is told counts.

    A watch often tells of a write before its answer is there. So whoever writes calls `hold` before and
    `settle` after: what is touched in between is no news, unless somebody else has changed the object.
    """

    def __init__(
        self,
        index: Callable[[ObjectKey, V], Iterable[K]],
        version: Callable[[V], int] = lambda _: 0,
        concern: Callable[[ObjectKey, V, V], Iterable[K]] | None = None,
    ) -> None:
        self._index = index
        self._version = version
        self._concern = concern
        self._lock = threading.Lock()
        self._values: dict[ObjectKey, V] = {}
        # Most groups have one object, and a set of one takes four times the memory of what is in it.
        self._groups: dict[K, ObjectKey | set[ObjectKey]] = {}
        self._listed = 0  # the version of the latest list: how everything was then is known
        # Later ones: at which an object was deleted, or put as a value that has none.
        self._told: dict[ObjectKey, int] = {}
        self._held: dict[ObjectKey, set[K]] = {}

    def upsert(self, key: ObjectKey, value: V, version: int = 0) -> frozenset[K]:
        """Put one object, as it was at this version, in the place of what was there."""
        with self._lock:
            return self._hold_back(key, self._put(key, value, version))

    def hold(self, key: ObjectKey) -> None:
        """Keep to yourself whom changes of this object touch, until `settle`."""
        with self._lock:
            self._held.setdefault(key, set())

    def settle(self, key: ObjectKey, answer: V | None) -> tuple[frozenset[K], bool]:
        """Put the answer to a write, None when there was none.

        Whom that and the changes since `hold` touch, and whether one of these may be another's.
        """
        with self._lock:
            touched = self._held.pop(key, set())
            if answer is None:
                return frozenset(touched), bool(touched)
            touched |= self._put(key, answer)
            held = self._values.get(key)
            overtaken = held is None or self._version(held) > self._version(answer)
            return frozenset(touched), overtaken

    def is_known(self, key: ObjectKey, version: int) -> bool:
        """Whether it holds the object as it was at this version or later, or knows that it has gone since."""
        with self._lock:
            return 0 < version <= self._as_of(key)

    def delete(self, key: ObjectKey, version: int = 0) -> frozenset[K]:
        """Take one object out, deleted at this version; one of its name that was made since stays.

        Nothing is touched when it is not there.
        """
        with self._lock:
            if 0 < version < self._as_of(key):
                return frozenset()
            if version:
                self._told[key] = version
            return self._hold_back(key, self._drop(key))

    def replace(self, values: Mapping[ObjectKey, V], version: int = 0) -> frozenset[K]:
        """Hold exactly `values`, a list of this version, in one step for every reader; newer ones stay."""
        with self._lock:
            touched: set[K] = set()
            for key, value in values.items():
                touched |= self._put(key, value, version)
            return frozenset(touched | self._retain(values.keys(), version))

    def retain(self, keys: Collection[ObjectKey], version: int) -> frozenset[K]:
        """Take out what is not among `keys`, which a list of this version had; what is newer stays."""
        with self._lock:
            return frozenset(self._retain(keys, version))

    def get(self, key: ObjectKey) -> V | None:
        """The value of one object."""
        with self._lock:
            return self._values.get(key)

    def of_group(self, group: K) -> tuple[V, ...]:
        """The values under a group key, by object key."""
        with self._lock:
            found = self._groups.get(group)
            if found is None:
                return ()
            return tuple(self._values[key] for key in (sorted(found) if isinstance(found, set) else (found,)))

    def values(self) -> tuple[V, ...]:
        """All values, by object key."""
        with self._lock:
            return tuple(self._values[key] for key in sorted(self._values))

    def groups(self) -> frozenset[K]:
        """The group keys that have an object: what a resync goes through."""
        with self._lock:
            return frozenset(self._groups)

    def __len__(self) -> int:
        return len(self._values)

    def _hold_back(self, key: ObjectKey, touched: set[K]) -> frozenset[K]:
        held = self._held.get(key)
        if held is None:
            return frozenset(touched)
        held |= touched
        return frozenset()

    def _put(self, key: ObjectKey, value: V, version: int = 0) -> set[K]:
        own = self._version(value)
        if 0 < (own or version) < self._as_of(key):
            return set()
        self._told.pop(key, None)
        if version and not own:
            self._told[key] = version
        held = self._values.get(key)
        if held is not None and held == value:
            self._values[key] = value
            return set()
        touched = self._drop(key)
        groups = set(self._index(key, value))
        self._values[key] = value
        for group in groups:
            self._enter(group, key)
        if held is not None and self._concern is not None:
            return set(self._concern(key, held, value))
        return touched | groups

    def _as_of(self, key: ObjectKey) -> int:
        """The latest version at which it is known how the object was: as it is held, or gone."""
        held = self._values.get(key)
        own = 0 if held is None else self._version(held)
        return own or max(self._listed, self._told.get(key, 0))

    def _retain(self, keys: Collection[ObjectKey], version: int) -> set[K]:
        touched: set[K] = set()
        for key in self._values.keys() - keys:
            if not 0 < version < self._as_of(key):
                touched |= self._drop(key)
        self._listed = max(self._listed, version)
        self._told = {key: told for key, told in self._told.items() if told > self._listed}
        return touched

    def _drop(self, key: ObjectKey) -> set[K]:
        if key not in self._values:
            return set()
        groups = set(self._index(key, self._values.pop(key)))
        for group in groups:
            self._leave(group, key)
        return groups

    def _enter(self, group: K, key: ObjectKey) -> None:
        found = self._groups.setdefault(group, key)
        if isinstance(found, set):
            found.add(key)
        elif found != key:
            self._groups[group] = {found, key}

    def _leave(self, group: K, key: ObjectKey) -> None:
        found = self._groups[group]
        if isinstance(found, set):
            found.discard(key)
        if not isinstance(found, set) or not found:
            del self._groups[group]
