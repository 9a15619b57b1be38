"""Everything at once: who claims what, before anybody works, and which keys there is work on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from meshsplit.controller.claims import make_claim
from meshsplit.controller.whole import Whole
from meshsplit.diagnostics import ObjectRef
from meshsplit.kserve.drafts import age_of
from meshsplit.kserve.source import understand
from meshsplit.model import GroupKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.controller.cache import Cache
    from meshsplit.controller.reconcile import Reconciler
    from meshsplit.kserve.claims import Claimant
    from meshsplit.kserve.observed import Observed
    from meshsplit.kserve.source import Understanding


CHUNK = 500
"""Keys that are expressed at a time: their objects are compared and dropped."""


class Sweep:
    """Looks at the whole cluster and asks for work on every key that is not as it should be."""

    def __init__(
        self, cache: Cache, reconciler: Reconciler, enqueue: Callable[[frozenset[GroupKey]], object]
    ) -> None:
        self._cache = cache
        self._reconciler = reconciler
        self._enqueue = enqueue

    def run(self) -> None:
        """One look; what a key claims is known of all before any of them is worked on."""
        observed = self._cache.whole()
        understanding = understand(observed, self._reconciler.settings)
        keys = sorted(self._cache.keys())
        self._put_claims(keys, observed, understanding)
        whole = Whole(understanding.world)
        for start in range(0, len(keys), CHUNK):
            views = [self._cache.view_in(observed, key) for key in keys[start : start + CHUNK]]
            new = frozenset(view.key for view in views if self._reconciler.is_new(view, whole))
            known = [view for view in views if view.key not in new]
            selections = self._reconciler.choose(known, whole, acting=False)
            pairs = zip(known, selections, strict=True)
            self._enqueue(new | {v.key for v, s in pairs if not self._reconciler.is_steady(v, s)})

    def _put_claims(self, keys: list[GroupKey], observed: Observed, understanding: Understanding) -> None:
        claimants: defaultdict[GroupKey, list[Claimant]] = defaultdict(list)
        for claimant in understanding.claimants:
            claimants[GroupKey(*claimant.key[1:])].append(claimant)
        for key in keys:
            namesake = observed.services.get(ObjectRef("InferenceService", key.namespace, key.name))
            age = age_of(namesake.identity) if namesake is not None else None
            self._cache.claims.put(key, make_claim(claimants[key], age))
