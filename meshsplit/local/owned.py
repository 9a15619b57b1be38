"""Objects of the embedded cluster that one part of it keeps as it wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver.status import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsplit.local.cluster import Body, Cluster

OWNED_BY = "local.meshsplit.dev/owned-by"
"""Label of an object that is changed back when somebody edits it, and goes when its owner wants it gone."""

_Key = tuple[str, str, str]


class OwnedObjects:
    """What `manager` has applied, and the label that says so in the cluster."""

    def __init__(self, cluster: Cluster, manager: str) -> None:
        self._cluster = cluster
        self._manager = manager
        self._applied: dict[_Key, Body] = {}

    def keep(self, live: Iterable[Body], desired: Iterable[Body]) -> None:
        """Make the owned ones among `live`, which is all there is of these kinds, what is desired."""
        bodies = {_key_of(body): body for body in live}
        wanted = {_key_of(body): self._mark(body) for body in desired}
        for key, body in bodies.items():
            if key not in wanted and self._owns(body):
                self._cluster.delete(self._cluster.resource(body["apiVersion"], body["kind"]), *key[1:])
                self._applied.pop(key, None)
        for key, body in wanted.items():
            if self._applied.get(key) != body or not _covers(bodies.get(key), body):
                self._apply(key, body)

    def others(self, live: Iterable[Body], desired: Iterable[Body]) -> list[Body]:
        """What lives and is neither owned nor desired."""
        wanted = {_key_of(body) for body in desired}
        return [body for body in live if _key_of(body) not in wanted and not self._owns(body)]

    def _apply(self, key: _Key, body: Body) -> None:
        """A refusal is for a namespace that is being deleted, and everything in it with it."""
        try:
            self._cluster.apply({name: it for name, it in body.items() if name != "status"}, self._manager)
            if "status" in body:
                self._cluster.apply_status(
                    {name: it for name, it in body.items() if name not in ("spec",)}, self._manager
                )
        except Refused:
            return
        self._applied[key] = body

    def _mark(self, body: Body) -> Body:
        metadata = body["metadata"]
        labels = {**metadata.get("labels", {}), OWNED_BY: self._manager}
        return {**body, "metadata": {**metadata, "labels": labels}}

    def _owns(self, body: Body) -> bool:
        return (body["metadata"].get("labels") or {}).get(OWNED_BY) == self._manager


def _covers(live: object, desired: object) -> bool:
    """Whether everything desired is there; what the API server or others add does not matter."""
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(_covers(live.get(name), it) for name, it in desired.items())
    if isinstance(desired, list):
        return (
            isinstance(live, list)
            and len(live) == len(desired)
            and all(_covers(*pair) for pair in zip(live, desired, strict=True))
        )
    return live == desired


def _key_of(body: Mapping[str, Any]) -> _Key:
    return body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]
