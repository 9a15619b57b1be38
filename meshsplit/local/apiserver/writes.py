"""Creating and changing objects: POST, PUT and the patches of what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meshsplit.local.apiserver import managedfields, removal
from meshsplit.local.apiserver.admission import (
    check_kind,
    check_metadata,
    check_object,
    reset_system_metadata,
    shape,
)
from meshsplit.local.apiserver.builtin import NAMESPACES
from meshsplit.local.apiserver.kinds import complete, suffix
from meshsplit.local.apiserver.managedfields import Manager, Ownership
from meshsplit.local.apiserver.objects import Json, copy_of, without_metadata
from meshsplit.local.apiserver.operation import APPLY, JSON_PATCH, MERGE, STRATEGIC, Answer, Operation
from meshsplit.local.apiserver.patches import json_patch, merge_patch, strategic_merge_patch
from meshsplit.local.apiserver.scale import from_scale, to_scale
from meshsplit.local.apiserver.status import (
    Cause,
    Refused,
    already_exists,
    bad_request,
    conflict,
    invalid,
    not_found,
)
from meshsplit.local.apiserver.validation import INVALID

if TYPE_CHECKING:
    from meshsplit.local.apiserver.store import Store

# What a manager is called that gave no name (managedfields/internal/managedfields.go).
_UNKNOWN_MANAGER = "unknown"


def create(store: Store, op: Operation) -> Answer:
    """POST: 201 with the new object."""
    body = named(store, check_kind(op.body, op.resource), op)
    op = replace(op, name=body["metadata"].get("name", ""))
    return insert(store, op, body, None)


def named(store: Store, body: Json, op: Operation) -> Json:
    """The body of a new object with its name and namespace; Refused where they contradict the URL."""
    metadata = check_metadata(body, op.resource)
    check_namespace(store, metadata, op)
    if metadata.get("resourceVersion"):
        raise Refused(500, "", "resourceVersion should not be set on objects to be created")
    if op.name and metadata.setdefault("name", op.name) != op.name:
        raise bad_request(other_name(metadata["name"], op.name))
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + suffix(store.new_uid())
    return body


def other_name(given: str, url: str) -> str:
    """The refusal of a body that names another object than the URL."""
    return f"the name of the object ({given}) does not match the name on the URL ({url})"


def check_namespace(store: Store, metadata: Json, op: Operation) -> None:
    """Set the namespace of the URL; Refused when the body has another, or when it takes nothing new."""
    if not op.resource.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.setdefault("namespace", op.namespace) != op.namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    home = store.get(NAMESPACES, ("", op.namespace))
    if home is None:
        raise not_found(NAMESPACES, op.namespace)
    if (
        op.verb != "update"
        and "deletionTimestamp" in home["metadata"]
        and store.get(op.resource, op.key) is None
    ):
        message = (
            f'{op.resource.qualified} "{metadata.get("name", "")}" is forbidden: unable to create new '
            f"content in namespace {op.namespace} because it is being terminated"
        )
        raise Refused(403, "Forbidden", message)


def insert(store: Store, op: Operation, body: Json, owners: Ownership | None) -> Answer:
    """Store a new object; `owners` None makes its creator own all of it."""
    resource = op.resource
    if resource.status:
        body.pop("status", None)
    warnings = shape(body, op)
    metadata = body["metadata"]
    reset_system_metadata(metadata, {"metadata": {}})
    metadata["uid"] = store.new_uid()
    metadata["creationTimestamp"] = store.now()
    if resource.generation:
        metadata["generation"] = 1
    complete(body, op, store)
    check_object(body, None, resource)
    if store.get(resource, (metadata.get("namespace", ""), metadata["name"])) is not None:
        raise already_exists(resource, metadata["name"])
    if owners is None:
        empty: Json = {"metadata": {}}
        owners = managedfields.after_update(
            {}, empty, body, resource.whole_schema, manager_of(op, managedfields.UPDATE), store.now()
        )
    _set_owners(body, owners, op)
    if op.options.dry_run:
        return Answer(201, body, warnings)
    stored = store.put(resource, _to_storage(store, body, op))
    removal.collect_if_orphan(store, resource, stored)
    return Answer(201, in_version(stored, op), warnings)


def manager_of(op: Operation, operation: str) -> Manager:
    """Who an operation writes as."""
    version = op.resource.api_version if operation == managedfields.UPDATE else ""
    return Manager(operation, op.options.field_manager or _UNKNOWN_MANAGER, version, op.subresource)


def _set_owners(body: Json, owners: Ownership, op: Operation) -> None:
    entries = managedfields.encode(owners, op.resource.api_version)
    if entries:
        body["metadata"]["managedFields"] = entries
    else:
        body["metadata"].pop("managedFields", None)


def _to_storage(store: Store, body: Json, op: Operation) -> Json:
    return {**body, "apiVersion": store.storage_api_version(op.resource)}


def in_version(stored: Json, op: Operation) -> Json:
    """The object in the version that was asked for (conversion strategy None)."""
    return {**stored, "apiVersion": op.resource.api_version, "kind": op.resource.kind}


def update(store: Store, op: Operation) -> Answer:
    """PUT: 200 with the object; 409 when its resourceVersion is not the stored one's."""
    if op.subresource == "scale":
        return _write_scale(store, op)
    live = _live(store, op)
    body = check_kind(op.body, op.resource)
    metadata = check_metadata(body, op.resource)
    if metadata.setdefault("name", op.name) != op.name:
        raise bad_request(other_name(metadata["name"], op.name))
    check_namespace(store, metadata, op)
    if not metadata.get("resourceVersion") and not op.resource.unconditional:
        cause = Cause(
            INVALID, "Invalid value: 0: must be specified for an update", "metadata.resourceVersion"
        )
        raise invalid(op.resource.group, op.resource.plural, op.name, [cause])
    return _replace(store, op, live, body)


def _live(store: Store, op: Operation) -> Json:
    live = store.get(op.resource, op.key)
    if live is None:
        raise not_found(op.resource, op.name)
    return in_version(live, op)


def patch(store: Store, op: Operation) -> Answer:
    """PATCH by its media type; apply patches are not for here, but for scales."""
    if op.subresource == "scale":
        return _write_scale(store, op)
    live = _live(store, op)
    body = _patched(live, op)
    metadata = check_metadata(check_kind(body, op.resource), op.resource)
    if metadata.get("name") != op.name:
        raise bad_request(other_name(str(metadata.get("name", "")), op.name))
    return _replace(store, op, live, body)


def _patched(live: Json, op: Operation) -> Json:
    offered = (
        [JSON_PATCH, MERGE, APPLY, APPLY] if op.resource.custom else [JSON_PATCH, MERGE, STRATEGIC, APPLY]
    )
    if op.patch not in offered:
        message = "the body of the request was in an unknown format - accepted media types include: "
        raise Refused(415, "UnsupportedMediaType", message + ", ".join(offered))
    if op.patch == JSON_PATCH:
        return json_patch(live, op.body)
    if not isinstance(op.body, dict):
        raise bad_request("json: cannot unmarshal the patch into an object")
    merge = strategic_merge_patch if op.patch == STRATEGIC else merge_patch
    body: Json = copy_of(merge(live, op.body))
    return body


def _replace(store: Store, op: Operation, live: Json, body: Json) -> Answer:
    """Store `body` in the place of `live`, as far as the (sub)resource may change it."""
    check_version(body, live, op)
    given = body["metadata"].get("managedFields")
    body = _isolated(body, live, op)
    reset_system_metadata(body["metadata"], live)
    warnings = shape(body, op)
    owners = managedfields.decode(live["metadata"].get("managedFields"))
    if given == [{}]:
        owners = {}
    before, after = (without_metadata(one, "managedFields") for one in (live, body))
    owners = managedfields.after_update(
        owners, before, after, op.resource.whole_schema, manager_of(op, managedfields.UPDATE), store.now()
    )
    return finish(store, op, live, body, owners, warnings)


def check_version(body: Json, live: Json, op: Operation) -> None:
    """Refused (409) when the body is of another object or of an older version."""
    given, held = body["metadata"], live["metadata"]
    if given.get("uid") and given["uid"] != held["uid"]:
        why = f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: {held['uid']}"
        raise conflict(op.resource, op.name, why)
    if given.get("resourceVersion") and given["resourceVersion"] != held["resourceVersion"]:
        raise conflict(op.resource, op.name)


def _isolated(body: Json, live: Json, op: Operation) -> Json:
    """Through `status` only the status changes; through the object everything else, where there is one."""
    if op.subresource == "status":
        status = {"status": body["status"]} if "status" in body else {}
        kept = {key: copy_of(value) for key, value in live.items() if key != "status"}
        return {**kept, **status}
    if op.resource.status:
        kept = {key: value for key, value in body.items() if key != "status"}
        return {**kept, **({"status": copy_of(live["status"])} if "status" in live else {})}
    return body


def finish(
    store: Store, op: Operation, live: Json, body: Json, owners: Ownership, warnings: tuple[str, ...] = ()
) -> Answer:
    """Validate the changed object, count its generation, and store it where it differs from the live one."""
    resource = op.resource
    _set_owners(body, owners, op)
    complete(body, op, store)
    check_object(body, live, resource)
    if resource.generation and _content(body, resource.status) != _content(live, resource.status):
        body["metadata"]["generation"] = live["metadata"].get("generation", 0) + 1
    if body == live:
        return Answer(200, live, warnings)
    if op.options.dry_run:
        return Answer(200, body, warnings)
    if removal.is_released(store, resource, body):
        removal.take_out(store, resource, op.key)
        return Answer(200, body, warnings)
    stored = store.put(resource, _to_storage(store, body, op))
    removal.collect_if_orphan(store, resource, stored)
    return Answer(200, in_version(stored, op), warnings)


def _content(body: Json, has_status: bool) -> Json:
    skipped = ("metadata", "status") if has_status else ("metadata",)
    return {key: value for key, value in body.items() if key not in skipped}


def _write_scale(store: Store, op: Operation) -> Answer:
    live = _live(store, op)
    scale = to_scale(live, op.resource)
    wanted = op.body if op.verb == "update" else _patched(scale, replace(op, patch=op.patch or MERGE))
    if op.patch == APPLY:
        wanted = merge_patch(scale, op.body)
    check_version({"metadata": wanted.get("metadata") or {}}, live, op)
    body = from_scale(copy_of(live), wanted, op.resource)
    answer = _replace(store, op, live, body)
    return Answer(answer.code, to_scale(answer.body, op.resource), answer.warnings)
