"""What the server says it serves: groups, resources, version, and OpenAPI v3 as far as kubectl reads it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.registry import Registry
    from meshsplit.local.apiserver.resources import Resource
    from meshsplit.local.apiserver.store import Store

# What clients decide features by; the recorded server is of the 1.36/1.37 line.
VERSION: Json = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0-meshsplit",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_BUILT_IN_VERBS = tuple(sorted(_CUSTOM_VERBS))
_SUBRESOURCE_VERBS = ("get", "patch", "update")
# A storage version hash is the first bytes of a digest (apiserver pkg/storageversion).
_HASH_BYTES = 8


def discover(store: Store, path: str) -> Json | None:
    """The document at a discovery path, or None for a path that is none."""
    parts = path.strip("/").split("/")
    registry = store.registry
    fixed = {"version": VERSION, "api": _core_versions(), "apis": _group_list(registry)}
    if len(parts) == 1 and parts[0] in fixed:
        return fixed[parts[0]]
    if parts[:2] == ["openapi", "v3"]:
        return _openapi(store, "/".join(parts[2:]))
    if parts[0] == "apis" and len(parts) == 2 and parts[1]:
        versions = registry.groups().get(parts[1])
        return _group(parts[1], versions, top=True) if versions else None
    if (parts[0], len(parts)) in (("api", 2), ("apis", 3)):
        return _resource_list(store, parts[1] if len(parts) == 3 else "", parts[-1])
    return None


def _core_versions() -> Json:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def _group_list(registry: Registry) -> Json:
    groups = [_group(name, versions) for name, versions in registry.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _group(name: str, versions: list[str], *, top: bool = False) -> Json:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    head: Json = {"kind": "APIGroup", "apiVersion": "v1"} if top else {}
    return {**head, "name": name, "versions": served, "preferredVersion": served[0]}


def _resource_list(store: Store, group: str, version: str) -> Json | None:
    found = [one for one in store.registry.sorted() if (one.group, one.version) == (group, version)]
    if not found:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": [entry for resource in found for entry in _entries(store, resource)],
    }


def _entries(store: Store, resource: Resource) -> list[Json]:
    main = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(_CUSTOM_VERBS if resource.custom else _BUILT_IN_VERBS),
        **({"shortNames": list(resource.short_names)} if resource.short_names else {}),
        **({"categories": list(resource.categories)} if resource.categories else {}),
        "storageVersionHash": _storage_hash(store, resource),
    }
    below: Json = {"singularName": "", "namespaced": resource.namespaced, "verbs": list(_SUBRESOURCE_VERBS)}
    entries: list[Json] = [main]
    if resource.status:
        entries.append({"name": f"{resource.plural}/status", "kind": resource.kind, **below})
    if resource.scale:
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        entries.append({"name": f"{resource.plural}/scale", **below, **scale})
    return entries


def _storage_hash(store: Store, resource: Resource) -> str:
    version = store.storage_api_version(resource).rpartition("/")[2]
    stored = f"{resource.group}/{version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(stored.encode()).digest()[:_HASH_BYTES]).decode()


def _openapi(store: Store, path: str) -> Json | None:
    served = {_root(resource): resource.api_version for resource in store.registry.sorted()}
    if not path:
        return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}"} for root in sorted(served)}}
    if path not in served:
        return None
    found = [one for one in store.registry.sorted() if one.api_version == served[path]]
    return {
        "openapi": "3.0.0",
        "info": {"title": "meshsplit", "version": VERSION["gitVersion"]},
        "paths": {_object_path(resource): _operations(resource) for resource in found},
        "components": {"schemas": {_schema_name(resource): _schema(resource) for resource in found}},
    }


def _root(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _object_path(resource: Resource) -> str:
    place = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"/{_root(resource)}/{place}{resource.plural}/{{name}}"


def _operations(resource: Resource) -> Json:
    # kubectl looks here for the parameters before it asks for a dry run or a strict validation.
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("dryRun", "fieldManager", "fieldValidation", "force")
    ]
    return {
        "patch": {
            "parameters": parameters,
            "responses": {},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": _gvk(resource),
        }
    }


def _gvk(resource: Resource) -> Json:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _schema_name(resource: Resource) -> str:
    reversed_group = ".".join(reversed(resource.group.split("."))) or "io.k8s.api.core"
    return f"{reversed_group}.{resource.version}.{resource.kind}"


def _schema(resource: Resource) -> Json:
    return {"type": "object", **resource.schema, "x-kubernetes-group-version-kind": [_gvk(resource)]}
