"""The DistributedInferenceServices of a cluster and what they have made, one store per resource type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsplit.disvc.objects import (
    DESTINATION_RULE,
    INFERENCE_SERVICE,
    INGRESS,
    MODEL_SPLIT,
    SERVICE,
    VIRTUAL_SERVICE,
    Child,
    Disvc,
    UnreadableDisvc,
)
from meshsplit.kube.port import ObjectKey
from meshsplit.kube.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = (INFERENCE_SERVICE, SERVICE, DESTINATION_RULE, VIRTUAL_SERVICE, INGRESS, MODEL_SPLIT)


def _index_child(_key: ObjectKey, child: Child) -> Iterator[ObjectKey]:
    yield ObjectKey(child.namespace, child.disvc)


def _make_children() -> dict[str, Store[Child, ObjectKey]]:
    return {kind: Store(_index_child, version=lambda child: child.version) for kind in KINDS}


@dataclass(slots=True)
class DisvcCache:
    """All stores; whatever is made for one DistributedInferenceService is found by its key."""

    disvcs: Store[Disvc | UnreadableDisvc, ObjectKey] = field(
        default_factory=lambda: Store(lambda key, _: (key,), version=lambda disvc: disvc.version)
    )
    children: dict[str, Store[Child, ObjectKey]] = field(default_factory=_make_children)

    def keys(self) -> frozenset[ObjectKey]:
        """Every DistributedInferenceService there is."""
        return self.disvcs.groups()

    def readable(self) -> list[Disvc]:
        """Those of them that can be read."""
        return [disvc for disvc in self.disvcs.values() if isinstance(disvc, Disvc)]

    def children_of(self, key: ObjectKey) -> list[Child]:
        """Everything that carries its label."""
        return [child for store in self.children.values() for child in store.of_group(key)]

    def child(self, kind: str, namespace: str, name: str) -> Child | None:
        """One object, whosever it is, as far as it is labelled."""
        return self.children[kind].get(ObjectKey(namespace, name))
