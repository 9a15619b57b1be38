"""Who claims which host of its own: whoever shares one with it is settled together with it."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from meshsplit.kserve.claims import Claimant, Place
    from meshsplit.model import GroupKey


@dataclass(frozen=True, slots=True)
class Claim:
    """What one key claims: `fingerprint` is equal only where others need not be looked at again."""

    fingerprint: int
    places: tuple[Place, ...]
    alone: bool


NO_CLAIM = Claim(0, (), alone=False)


def make_claim(claimants: Iterable[Claimant], age: object) -> Claim:
    """The claim of a key by its claimants (group, model) and the age of the InferenceService of that name."""
    held = sorted(claimants, key=lambda claimant: claimant.key)
    if not held and age is None:
        return NO_CLAIM
    taken = [(tuple(c.places()), c.routing is not None and c.routing.own_host, c) for c in held]
    seen_by_others = [(c.key, c.age, places, alone, c.grpc) for places, alone, c in taken]
    return Claim(
        hash((tuple(seen_by_others), age)),
        tuple(dict.fromkeys(place for places, _, _ in taken for place in places)),
        any(alone for _, alone, _ in taken),
    )


class Claims:
    """The claim of every key; for use by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[GroupKey, Claim] = {}
        self._at: defaultdict[Place, set[GroupKey]] = defaultdict(set)
        self._alone_at: defaultdict[Place, set[GroupKey]] = defaultdict(set)

    def rivals(self, key: GroupKey) -> frozenset[GroupKey]:
        """The keys that share a place with `key` which any of them wants for itself."""
        with self._lock:
            return self._rivals(key)

    def bound_to(self, gateways: Container[str]) -> frozenset[GroupKey]:
        """The keys that claim a place on one of the gateways (namespace/name)."""
        with self._lock:
            return frozenset(
                key for (gateway, _), keys in self._at.items() if gateway in gateways for key in keys
            )

    def put(self, key: GroupKey, claim: Claim) -> frozenset[GroupKey] | None:
        """Hold this claim; None when it is the one that was held, else the rivals of the old and the new."""
        with self._lock:
            held = self._held.get(key, NO_CLAIM)
            if held == claim:
                return None
            before = self._rivals(key)
            self._take_out(key, held)
            self._put_in(key, claim)
            return before | self._rivals(key)

    def _rivals(self, key: GroupKey) -> frozenset[GroupKey]:
        places = self._held.get(key, NO_CLAIM).places
        contested = [place for place in places if self._alone_at.get(place)]
        if not contested:
            return frozenset()
        return frozenset(other for place in contested for other in self._at[place]) - {key}

    def _put_in(self, key: GroupKey, claim: Claim) -> None:
        if claim == NO_CLAIM:
            return
        self._held[key] = claim
        for place in claim.places:
            self._at[place].add(key)
            if claim.alone:
                self._alone_at[place].add(key)

    def _take_out(self, key: GroupKey, claim: Claim) -> None:
        self._held.pop(key, None)
        for place in claim.places:
            for index in (self._at, self._alone_at):
                index[place].discard(key)
                if not index[place]:
                    del index[place]
