"""Deleting: finalizers first, then the object, then what it owned; namespaces and CRDs with contents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.local.apiserver.builtin import CRDS, NAMESPACES
from meshsplit.local.apiserver.objects import Json, copy_of
from meshsplit.local.apiserver.operation import Answer, Operation
from meshsplit.local.apiserver.registry import to_resources
from meshsplit.local.apiserver.resources import Resource
from meshsplit.local.apiserver.status import Refused, details, not_found

if TYPE_CHECKING:
    from meshsplit.local.apiserver.collection import Key
    from meshsplit.local.apiserver.store import Store

_FOREGROUND = "foregroundDeletion"


def delete(store: Store, op: Operation) -> Answer:
    """DELETE: a Status when the object is gone, the object while finalizers hold it."""
    live = store.get(op.resource, op.key)
    if live is None:
        raise not_found(op.resource, op.name)
    options = op.body if isinstance(op.body, dict) else {}
    _check_preconditions(options.get("preconditions") or {}, live, op)
    gone: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**details(op.resource, op.name), "uid": live["metadata"]["uid"]},
    }
    if op.options.dry_run or options.get("dryRun"):
        return Answer(200, gone)
    policy = options.get("propagationPolicy") or op.options.propagation
    if options.get("orphanDependents"):
        policy = "Orphan"
    start_deletion(store, op.resource, op.key, policy)
    left = store.get(op.resource, op.key)
    return Answer(200, gone if left is None else {**left, "apiVersion": op.resource.api_version})


def _check_preconditions(wanted: Json, live: Json, op: Operation) -> None:
    kind = f"{op.resource.kind}.{op.resource.group}" if op.resource.group else op.resource.kind
    for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        held = live["metadata"][field]
        if wanted.get(field) and wanted[field] != held:
            message = (
                f'Operation cannot be fulfilled on {kind} "{op.name}": the {name} in the precondition '
                f"({wanted[field]}) does not match the {name} in record ({held}). The object might have been "
                "deleted and then recreated"
            )
            raise Refused(409, "Conflict", message, details(op.resource, op.name, op.resource.kind))


def start_deletion(store: Store, resource: Resource, key: Key, policy: str = "") -> None:
    """Take the object out, or mark it as being deleted while finalizers or contents are left."""
    live = store.get(resource, key)
    if live is None:
        return
    finalizers = list(live["metadata"].get("finalizers", ()))
    if policy == "Foreground" and _FOREGROUND not in finalizers:
        finalizers.append(_FOREGROUND)
    if policy == "Orphan":
        for _, kind, dependent in _dependents(store, live["metadata"]["uid"]):
            _disown(store, kind, dependent, live["metadata"]["uid"])
    contents = _contents(store, resource, live)
    if not finalizers and not contents:
        take_out(store, resource, key)
        return
    if "deletionTimestamp" not in live["metadata"]:
        store.put(resource, _marked(store, resource, live, finalizers))
    for inner, inner_key in contents:
        start_deletion(store, inner, inner_key)
    if _FOREGROUND in finalizers:
        _delete_dependents(store, live["metadata"]["uid"])
    finish_if_released(store, resource, key)


def _marked(store: Store, resource: Resource, live: Json, finalizers: list[str]) -> Json:
    body: Json = copy_of(live)
    body["metadata"]["deletionTimestamp"] = store.now()
    body["metadata"]["deletionGracePeriodSeconds"] = 0
    if finalizers:
        body["metadata"]["finalizers"] = finalizers
    if resource.generation:
        body["metadata"]["generation"] = live["metadata"].get("generation", 0) + 1
    if resource.key == NAMESPACES.key:
        body["status"] = {**body.get("status", {}), "phase": "Terminating"}
    return body


def _contents(store: Store, resource: Resource, live: Json) -> list[tuple[Resource, Key]]:
    """What goes with a namespace or a CRD."""
    if resource.key == NAMESPACES.key:
        name = live["metadata"]["name"]
        inside = {one.key: one for one in store.registry.sorted() if one.namespaced}
        return [(one, key) for one in inside.values() for key in store.collection(one.key).sorted_keys(name)]
    if resource.key == CRDS.key:
        return [
            (one, key) for one in to_resources(live)[:1] for key in store.collection(one.key).sorted_keys()
        ]
    return []


def is_released(store: Store, resource: Resource, stored: Json) -> bool:
    """Whether an object that is being deleted may go: no finalizer and no contents hold it."""
    metadata = stored["metadata"]
    if "deletionTimestamp" not in metadata:
        return False
    held = set(metadata.get("finalizers", ()))
    if not store.dependents(metadata["uid"]):
        held.discard(_FOREGROUND)
    return not held and not _contents(store, resource, stored)


def finish_if_released(store: Store, resource: Resource, key: Key) -> None:
    """Take out an object that waited for this."""
    live = store.get(resource, key)
    if live is not None and is_released(store, resource, live):
        take_out(store, resource, key)


def take_out(store: Store, resource: Resource, key: Key) -> None:
    """Remove the object, then what it owned, then whatever waited only for it."""
    live = store.get(resource, key)
    if live is None:
        return
    store.remove(resource, key)
    _delete_dependents(store, live["metadata"]["uid"])
    for reference in live["metadata"].get("ownerReferences", ()):
        owner = _owner(store, reference, key[0])
        if owner:
            finish_if_released(store, *owner)
    if key[0]:
        finish_if_released(store, NAMESPACES, ("", key[0]))
    if resource.custom:
        finish_if_released(store, CRDS, ("", resource.qualified))


def collect_if_orphan(store: Store, resource: Resource, stored: Json) -> None:
    """Delete an object whose owners are all gone."""
    references = stored["metadata"].get("ownerReferences") or ()
    namespace = stored["metadata"].get("namespace", "")
    if references and not any(_exists(store, one, namespace) for one in references):
        start_deletion(store, resource, (namespace, stored["metadata"]["name"]))


def _delete_dependents(store: Store, uid: str) -> None:
    """The objects all of whose owners are gone go too; others lose the owner that went."""
    for live, resource, key in _dependents(store, uid):
        others = [one for one in live["metadata"]["ownerReferences"] if one["uid"] != uid]
        if any(_exists(store, one, key[0]) for one in others):
            _disown(store, resource, key, uid)
        else:
            start_deletion(store, resource, key)


def _dependents(store: Store, uid: str) -> list[tuple[Json, Resource, Key]]:
    found: list[tuple[Json, Resource, Key]] = []
    for kind, key in store.dependents(uid):
        resource = store.registry.any_of(kind)
        live = store.get(resource, key) if resource else None
        if resource and live:
            found.append((live, resource, key))
    return found


def _disown(store: Store, resource: Resource, key: Key, uid: str) -> None:
    live = store.get(resource, key)
    if live is None:
        return
    body: Json = copy_of(live)
    left = [one for one in body["metadata"]["ownerReferences"] if one["uid"] != uid]
    if left:
        body["metadata"]["ownerReferences"] = left
    else:
        del body["metadata"]["ownerReferences"]
    store.put(resource, body)


def _owner(store: Store, reference: Json, namespace: str) -> tuple[Resource, Key] | None:
    group = reference["apiVersion"].rpartition("/")[0]
    resource = store.registry.of_kind(group, reference["kind"])
    if resource is None:
        return None
    return resource, (namespace if resource.namespaced else "", reference["name"])


def _exists(store: Store, reference: Json, namespace: str) -> bool:
    # An owner of a kind that is not served may exist: the real collector waits, too.
    owner = _owner(store, reference, namespace)
    return owner is None or store.has_uid(*owner, reference["uid"])
