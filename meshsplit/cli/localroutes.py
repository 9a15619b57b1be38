"""Whether a local gateway serves the routes that its cluster asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.cli.folderfindings import is_generated
from meshsplit.istio.names import splitting_name
from meshsplit.model import Strategy
from meshsplit.translate import identity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set

    from meshsplit.model import ObjectIdentity, Translation

Body = dict[str, Any]


def are_served(translation: Translation, served: Iterable[Body]) -> bool:
    """Whether `served` has what is wanted, and of ours nothing else.

    The routes of a group with a strategy are its rollout's, which may add a preview or a mirror: they have to
    be there.
    """
    walked = {
        ("VirtualService", outcome.group.key.namespace, splitting_name(outcome.group.key.name))
        for outcome in translation.outcomes
        if outcome.group.strategy is not Strategy.STATIC
    }
    made = _by_identity((body for body in served if is_generated(body)), walked)
    wanted = _by_identity(translation.objects, walked)
    kept = made.keys() & translation.untouched - wanted.keys()
    return {key: spec for key, spec in made.items() if key not in kept} == wanted


def _by_identity(
    bodies: Iterable[Mapping[str, Any]], walked: Set[ObjectIdentity]
) -> dict[ObjectIdentity, Mapping[str, Any] | None]:
    found: dict[ObjectIdentity, Mapping[str, Any] | None] = {}
    for body in bodies:
        identity = identity_of(body)
        found[identity] = None if identity in walked else body["spec"]
    return found
