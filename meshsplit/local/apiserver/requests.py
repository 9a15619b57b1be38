"""From an HTTP request to an operation: paths, query parameters, media types, bodies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from meshsplit.local.apiserver.operation import APPLY, JSON_PATCH, MERGE, STRATEGIC, Operation, Options
from meshsplit.local.apiserver.protobuf import MEDIA_TYPE, from_protobuf
from meshsplit.local.apiserver.status import Cause, Refused, bad_request, invalid
from meshsplit.local.apiserver.validation import UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.local.apiserver.registry import Registry
    from meshsplit.local.apiserver.resources import Resource

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}
_OPTION_KINDS = {"POST": "Create", "PUT": "Update", "PATCH": "Patch", "DELETE": "Delete"}
_YAML = ("application/yaml", APPLY)
_DRY = "All"


@dataclass(frozen=True, slots=True)
class Target:
    """What a path means."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


def to_target(path: str, registry: Registry) -> Target | None:
    """The resource, object or subresource at a path; None when nothing is served there."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status",):
        namespace, rest = rest[1], rest[2:]
    resource = registry.find(group, version, rest[0])
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        return None
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if resource.namespaced and name and not namespace:
        return None
    served = {"": True, "status": resource.status, "scale": resource.scale is not None}
    return Target(resource, namespace, name, subresource) if served.get(subresource) else None


def to_verb(method: str, target: Target) -> str:
    """The verb; Refused where a method has no meaning."""
    verb = _VERBS.get(method, "")
    if not target.name:
        if method == "PUT":
            raise bad_request("name must be provided")
        verb = {"get": "list", "delete": "deletecollection", "patch": ""}.get(verb, verb)
    elif verb == "create" or (target.subresource and verb == "delete"):
        verb = ""
    if not verb:
        raise Refused(
            405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
        )
    return verb


def to_operation(
    method: str, target: Target, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> Operation:
    """The operation; Refused when its options or its body cannot be read."""
    media = headers.get("content-type", "application/json").split(";")[0].strip()
    return Operation(
        to_verb(method, target),
        target.resource,
        target.namespace,
        target.name,
        target.subresource,
        _to_body(method, media, body, target.resource),
        media if method == "PATCH" else "",
        _to_options(method, media, query, headers),
    )


def _to_options(method: str, media: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Options:
    dry = query.get("dryRun", "")
    if dry not in ("", _DRY):
        cause = Cause(UNSUPPORTED, f'Unsupported value: ["{dry}"]: supported values: "All"', "dryRun")
        raise invalid("meta.k8s.io", f"{_OPTION_KINDS.get(method, 'Get')}Options", "", [cause])
    # An update without a name is its program's (managedfields: the user agent up to the slash).
    program = "" if media == APPLY else headers.get("user-agent", "").partition("/")[0]
    limit = query.get("limit", "")
    return Options(
        dry_run=dry == _DRY,
        field_manager=query.get("fieldManager") or program,
        force=query.get("force") in ("true", "1"),
        field_validation=query.get("fieldValidation") or "Warn",
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=int(limit) if limit.isdecimal() else 0,
        continue_token=query.get("continue", ""),
        propagation=query.get("propagationPolicy", ""),
    )


def _to_body(method: str, media: str, body: bytes, resource: Resource) -> Any:
    if method == "GET" or not body:
        return None
    if method == "PATCH" and media not in (MERGE, JSON_PATCH, STRATEGIC, APPLY):
        return None
    if media == MEDIA_TYPE:
        return _from_protobuf(body)
    if method != "PATCH" and media not in ("application/json", "application/yaml"):
        raise _unsupported()
    return _from_yaml(body, resource) if media in _YAML else _from_json(body, resource)


def _unsupported() -> Refused:
    message = "the body of the request was in an unknown format - accepted media types include: "
    return Refused(415, "UnsupportedMediaType", message + "application/json, application/yaml")


def _from_protobuf(body: bytes) -> Any:
    try:
        read = from_protobuf(body)
    except ValueError as wrong:
        raise bad_request(f"cannot read the protobuf: {wrong}") from None
    if read is None:
        raise _unsupported()
    return read


def _from_json(body: bytes, resource: Resource) -> Any:
    try:
        return json.loads(body)
    except ValueError as wrong:
        at = getattr(wrong, "pos", len(body))
        text = body.decode(errors="replace")
        why = "unexpected end of JSON input"
        if text[at:].strip():
            why = f"invalid character '{text[at]}' looking for beginning of value"
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get "
            f"version/kind; json parse error: {why} ({text})"
        ) from None


def _from_yaml(body: bytes, resource: Resource) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        # Times stay text: JSON has none.
        return yaml.load(body, Loader=_JsonLoader)  # noqa: S506 - a safe loader without timestamps
    except yaml.YAMLError as wrong:
        raise bad_request(f"error decoding YAML of a {resource.kind}: {wrong}") from None


class _JsonLoader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: into JSON values."""


_JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
