"""`apply(operation) -> answer, events`: the one way into the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meshsplit.local.apiserver import reads, removal, serverside, writes
from meshsplit.local.apiserver.operation import APPLY, Answer, Operation

if TYPE_CHECKING:
    from meshsplit.local.apiserver.eventlog import Event
    from meshsplit.local.apiserver.store import Store

Events = list[tuple[tuple[str, str], "Event"]]


def apply(store: Store, op: Operation) -> tuple[Answer, Events]:
    """Do it, whole or not at all; Refused when it cannot be done. Events are in resourceVersion order."""
    answer = _VERBS[op.verb](store, op)
    return answer, store.take_events()


def _delete_collection(store: Store, op: Operation) -> Answer:
    found = reads.list_objects(store, op)
    for item in found.body["items"]:
        metadata = item["metadata"]
        one = replace(op, namespace=metadata.get("namespace", ""), name=metadata["name"])
        removal.delete(store, one)
    return found


def _patch(store: Store, op: Operation) -> Answer:
    if op.patch == APPLY and op.subresource != "scale":
        return serverside.apply(store, op)
    return writes.patch(store, op)


_VERBS = {
    "get": reads.get,
    "list": reads.list_objects,
    "create": writes.create,
    "update": writes.update,
    "patch": _patch,
    "delete": removal.delete,
    "deletecollection": _delete_collection,
}
