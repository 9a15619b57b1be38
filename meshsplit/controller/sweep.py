"""Everything at once: who claims what, before anybody works, and a look at every key now and then."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from meshsplit.controller.claims import NO_CLAIM, make_claim
from meshsplit.diagnostics import ObjectRef
from meshsplit.kserve.drafts import age_of
from meshsplit.kserve.source import understand
from meshsplit.model import GroupKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.controller.cache import Cache
    from meshsplit.controller.reconcile import Reconciler
    from meshsplit.kserve.claims import Claimant
    from meshsplit.model import Settings


class Sweep:
    """Looks at the whole cluster and asks for work on every key."""

    def __init__(
        self,
        settings: Settings,
        cache: Cache,
        reconciler: Reconciler,
        enqueue: Callable[[frozenset[GroupKey]], object],
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._reconciler = reconciler
        self._enqueue = enqueue

    def run(self) -> None:
        """One look; what a key claims is known of all before any of them is worked on."""
        observed = self._cache.whole()
        claimants: defaultdict[GroupKey, list[Claimant]] = defaultdict(list)
        for claimant in understand(observed, self._settings).claimants:
            claimants[GroupKey(*claimant.key[1:])].append(claimant)
        keys = self._cache.keys()
        for key in keys:
            namesake = observed.services.get(ObjectRef("InferenceService", key.namespace, key.name))
            age = age_of(namesake.identity) if namesake is not None else None
            claim = make_claim(claimants[key], age) if claimants[key] or age else NO_CLAIM
            self._cache.claims.put(key, claim)
        self._enqueue(keys)
