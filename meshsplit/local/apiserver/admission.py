"""What a body must be before it is stored: its kind, its metadata, its fields; and what it becomes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver import rules, schema, validation
from meshsplit.local.apiserver.builtin import CRDS, NAMESPACES
from meshsplit.local.apiserver.objects import SYSTEM_METADATA, Json, copy_of
from meshsplit.local.apiserver.resources import Resource
from meshsplit.local.apiserver.status import Cause, Refused, bad_request, invalid

if TYPE_CHECKING:
    from meshsplit.local.apiserver.operation import Operation

# apimachinery/pkg/util/validation: DNS1123Subdomain and DNS1123Label, at most 253 and 63 characters.
_SUBDOMAIN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = re.compile(r"([A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# All annotations of an object together (apimachinery/pkg/api/validation/objectmeta.go).
_ANNOTATIONS_BYTES = 256 * 1024
_GO_TYPES = {bool: "bool", int: "number", float: "number", list: "array", dict: "object", str: "string"}


def check_kind(body: Any, resource: Resource) -> Json:
    """The body when it is an object of the resource's version; Refused otherwise."""
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    version, kind = (
        body.setdefault("apiVersion", resource.api_version),
        body.setdefault("kind", resource.kind),
    )
    if version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind != resource.kind:
        name = str((body.get("metadata") or {}).get("name", ""))
        wrong = Cause(validation.INVALID, f'Invalid value: "{kind}": must be {resource.kind}', "kind")
        raise invalid(resource.group, str(kind), name, [wrong])
    return body


def check_metadata(body: Json, resource: Resource) -> Json:
    """The body's metadata, present and typed; Refused (400) when a part has the wrong type."""
    metadata = body.setdefault("metadata", {}) or {}
    body["metadata"] = metadata
    if not isinstance(metadata, dict):
        raise _cannot_unmarshal(resource, metadata, "metadata", "v1.ObjectMeta")
    for name in ("name", "namespace", "generateName", "resourceVersion", "uid"):
        if not isinstance(metadata.get(name) or "", str):
            raise _cannot_unmarshal(resource, metadata[name], name, "string")
    for name in ("labels", "annotations"):
        for value in _map(metadata, name, resource).values():
            if not isinstance(value, str):
                raise _cannot_unmarshal(resource, value, name, "string")
    for name in ("finalizers", "ownerReferences"):
        if not isinstance(metadata.get(name) or [], list):
            raise _cannot_unmarshal(resource, metadata[name], name, "[]string")
    for name in [name for name, value in metadata.items() if value in (None, "", {}, [])]:
        del metadata[name]
    return metadata


def _map(metadata: Json, name: str, resource: Resource) -> Json:
    found = metadata.get(name) or {}
    if not isinstance(found, dict):
        raise _cannot_unmarshal(resource, found, name, "map[string]string")
    for key in [key for key, value in found.items() if value is None]:
        found[key] = ""
    return found


def _cannot_unmarshal(resource: Resource, value: Any, name: str, wanted: str) -> Refused:
    found = _GO_TYPES.get(type(value), "null")
    return bad_request(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: json: '
        f"cannot unmarshal {found} into Go struct field ObjectMeta.{name} of type {wanted}"
    )


def shape(body: Json, op: Operation) -> tuple[str, ...]:
    """Prune and default the body in place; warnings about unknown fields, or Refused where they are fatal."""
    resource = op.resource
    if not resource.custom:
        _check_types(body, resource)
        _fill(body, resource.template)
        return ()
    unknown = [f'unknown field "{path}"' for path in schema.prune(body, resource.schema)]
    if unknown and op.options.field_validation == "Strict":
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: strict '
            f"decoding error: {', '.join(unknown)}"
        )
    schema.drop_nulls(body, resource.schema)
    schema.fill_defaults(body, resource.schema)
    return tuple(unknown) if op.options.field_validation == "Warn" else ()


def _check_types(body: Json, resource: Resource) -> None:
    content = {key: value for key, value in body.items() if key != "metadata"}
    for cause in validation.validate(content, resource.schema):
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: json: '
            f"cannot unmarshal {cause.field}: {cause.message}"
        )


def _fill(body: Json, template: Json) -> None:
    for key, value in template.items():
        if isinstance(value, dict):
            _fill(body.setdefault(key, {}), value)
        else:
            body.setdefault(key, copy_of(value))


def check_object(body: Json, old: Json | None, resource: Resource) -> None:
    """Refused (422) with every violation: names, labels, schema, then CEL rules of what is valid."""
    causes = _metadata_causes(body["metadata"], resource)
    if resource.key == CRDS.key:
        causes += _crd_causes(body)
    if resource.custom:
        content = {key: value for key, value in body.items() if key not in ("metadata",)}
        causes += validation.validate(content, {**resource.schema, "required": _required(resource)})
        if resource.ruled:
            if rules.blocked(causes):
                causes.append(rules.NOT_CHECKED)
            else:
                causes += rules.broken_rules(body, old, resource.schema)
    if causes:
        raise invalid(resource.group, resource.kind, body["metadata"].get("name", ""), causes)


def _required(resource: Resource) -> list[str]:
    return [name for name in resource.schema.get("required", ()) if name != "metadata"]


def _metadata_causes(metadata: Json, resource: Resource) -> list[Cause]:
    name = metadata.get("name", "")
    causes: list[Cause] = []
    if not name:
        message = "Required value: name or generateName is required"
        return [Cause(validation.REQUIRED, message, "metadata.name")]
    pattern, what, longest = (_SUBDOMAIN, "subdomain", 253)
    if resource.key == NAMESPACES.key:
        pattern, what, longest = (_LABEL, "label", 63)
    if len(name) > longest or not re.fullmatch(pattern, name):
        message = (
            f'Invalid value: "{name}": a lowercase RFC 1123 {what} must consist of lower case alphanumeric '
            "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
            f"'example.com', regex used for validation is '{pattern}')"
        )
        causes.append(Cause(validation.INVALID, message, "metadata.name"))
    for key, value in (metadata.get("labels") or {}).items():
        causes += _label_causes(key, value)
    for index, reference in enumerate(metadata.get("ownerReferences", ())):
        causes += _reference_causes(reference, f"metadata.ownerReferences[{index}]")
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        causes += _key_causes(key, "metadata.annotations")
    if (
        sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        > _ANNOTATIONS_BYTES
    ):
        message = f"Too long: may not be more than {_ANNOTATIONS_BYTES} bytes"
        causes.append(Cause(validation.TOO_LONG, message, "metadata.annotations"))
    return causes


def _reference_causes(reference: Any, at: str) -> list[Cause]:
    given = reference if isinstance(reference, dict) else {}
    return [
        Cause(validation.REQUIRED, "Required value", f"{at}.{name}")
        for name in ("apiVersion", "kind", "name", "uid")
        if not isinstance(given.get(name), str) or not given[name]
    ]


def _label_causes(key: str, value: str) -> list[Cause]:
    causes = _key_causes(key, "metadata.labels")
    if not _LABEL_VALUE.fullmatch(value):
        message = (
            f'Invalid value: "{value}": a valid label must be an empty string or consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        )
        causes.append(Cause(validation.INVALID, message, "metadata.labels"))
    return causes


def _key_causes(key: str, field: str) -> list[Cause]:
    if _QUALIFIED.fullmatch(key):
        return []
    message = (
        f"Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.', and "
        "must start and end with an alphanumeric character"
    )
    return [Cause(validation.INVALID, message, field)]


def _crd_causes(crd: Json) -> list[Cause]:
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    missing = [
        Cause(validation.REQUIRED, "Required value", field)
        for field, value in (
            ("spec.group", spec.get("group")),
            ("spec.scope", spec.get("scope")),
            ("spec.names.plural", names.get("plural")),
            ("spec.names.kind", names.get("kind")),
            ("spec.versions", spec.get("versions")),
        )
        if not value
    ]
    if missing:
        return missing
    causes: list[Cause] = []
    wanted = f"{names['plural']}.{spec['group']}"
    if crd["metadata"].get("name") != wanted:
        message = f'Invalid value: "{crd["metadata"].get("name")}": must be spec.names.plural+"."+spec.group'
        causes.append(Cause(validation.INVALID, message, "metadata.name"))
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        message = "Invalid value: must have exactly one version marked as storage version"
        causes.append(Cause(validation.INVALID, message, "spec.versions"))
    for index, version in enumerate(spec["versions"]):
        root = (version.get("schema") or {}).get("openAPIV3Schema")
        at = f"spec.versions[{index}].schema.openAPIV3Schema"
        if not isinstance(root, dict):
            causes.append(Cause(validation.REQUIRED, "Required value: schemas are required", at))
            continue
        for text in rules.uncompilable(root):
            causes.append(Cause(validation.INVALID, f"Invalid value: compilation failed: {text}", at))  # noqa: PERF401
    return causes


def reset_system_metadata(metadata: Json, live: Json) -> None:
    """Give the server's own parts of the metadata their live values, whatever the body said."""
    for name in SYSTEM_METADATA:
        if name in live["metadata"]:
            metadata[name] = live["metadata"][name]
        else:
            metadata.pop(name, None)
