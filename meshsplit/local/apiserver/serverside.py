"""Server-side apply: a configuration in, the object that has it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver import managedfields
from meshsplit.local.apiserver.admission import check_kind, check_metadata, reset_system_metadata, shape
from meshsplit.local.apiserver.fieldsets import fields_of
from meshsplit.local.apiserver.managedfields import Owned
from meshsplit.local.apiserver.objects import Json, copy_of, without_metadata
from meshsplit.local.apiserver.operation import Answer, Operation
from meshsplit.local.apiserver.status import Cause, Refused, bad_request, conflict, invalid, not_found
from meshsplit.local.apiserver.structure import OPEN, Schema, field_schema
from meshsplit.local.apiserver.validation import REQUIRED
from meshsplit.local.apiserver.writes import (
    check_namespace,
    check_version,
    finish,
    in_version,
    insert,
    manager_of,
    named,
    other_name,
)

if TYPE_CHECKING:
    from meshsplit.local.apiserver.store import Store


def apply(store: Store, op: Operation) -> Answer:
    """An apply patch: 201 with a new object, or 200 with the merged one; 409 on fields of others."""
    resource = op.resource
    if not op.options.field_manager:
        cause = Cause(REQUIRED, "Required value: is required for apply patch", "fieldManager")
        raise invalid("meta.k8s.io", "PatchOptions", "", [cause])
    body = check_kind(op.body, resource)
    metadata = check_metadata(body, resource)
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if metadata.setdefault("name", op.name) != op.name:
        raise bad_request(other_name(metadata["name"], op.name))
    check_namespace(store, metadata, op)
    live = store.get(resource, op.key)
    if live is None and op.subresource:
        raise not_found(resource, op.name)
    if live is None and metadata.get("uid"):
        raise conflict(
            resource, op.name, "uid mismatch: the provided object specified uid, and no object was found"
        )
    applied = _applied(body, op)
    if live is None:
        owners = {
            manager_of(op, managedfields.APPLY): Owned(fields_of(applied, resource.whole_schema), store.now())
        }
        return insert(store, op, named(store, copy_of(applied), op), owners)
    return _apply_to(store, op, in_version(live, op), applied)


def _apply_to(store: Store, op: Operation, live: Json, applied: Json) -> Answer:
    check_version(applied, live, op)
    held = without_metadata(live, "managedFields")
    body, owners = managedfields.after_apply(
        managedfields.decode(live["metadata"].get("managedFields")),
        held,
        {**applied, "metadata": _own_metadata(applied, live)},
        op.resource.whole_schema,
        manager_of(op, managedfields.APPLY),
        force=op.options.force,
        now=store.now(),
    )
    body = copy_of(body)
    reset_system_metadata(body["metadata"], live)
    shape(body, op)
    return finish(store, op, live, body, owners)


def _own_metadata(applied: Json, live: Json) -> Json:
    identity = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation")
    kept = {key: value for key, value in applied["metadata"].items() if key not in identity}
    return {**kept, **{key: live["metadata"][key] for key in identity if key in live["metadata"]}}


def _applied(body: Json, op: Operation) -> Json:
    """The part of an applied configuration that the (sub)resource may set; Refused for unknown fields."""
    if op.resource.custom:
        unknown = _undeclared(body, op.resource.schema, "")
        if unknown:
            raise Refused(
                500,
                "",
                f"failed to create typed patch object ({op.namespace}/{op.name}; {op.resource.api_version}, "
                f"Kind={op.resource.kind}): {'; '.join(unknown)}",
            )
    if op.subresource == "status":
        return {key: value for key, value in body.items() if key in ("apiVersion", "kind", "status")} | {
            "metadata": {
                key: value for key, value in body["metadata"].items() if key in ("name", "namespace")
            }
        }
    if op.resource.status:
        return {key: value for key, value in body.items() if key != "status"}
    return body


def _undeclared(value: Any, schema: Schema, at: str) -> list[str]:
    if isinstance(value, list):
        items = schema.get("items", OPEN)
        return [text for item in value for text in _undeclared(item, items, f"{at}[]")]
    if not isinstance(value, dict):
        return []
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("additionalProperties")
    found: list[str] = []
    for key, part in value.items():
        if not at and key in ("apiVersion", "kind", "metadata"):
            continue
        inner, declared = field_schema(schema, key)
        if declared or open_ended:
            found += _undeclared(part, inner, f"{at}.{key}")
        elif not schema.get("x-kubernetes-embedded-resource"):
            found.append(f"{at}.{key}: field not declared in schema")
    return found
