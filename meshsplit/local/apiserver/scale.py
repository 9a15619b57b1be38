"""The scale subresource of custom resources: autoscaling/v1 Scale in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver.resources import Resource, Scale
from meshsplit.local.apiserver.status import Cause, invalid
from meshsplit.local.apiserver.validation import INVALID

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json

_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def _paths(resource: Resource) -> Scale:
    if resource.scale is None:
        raise KeyError(f"{resource.qualified} has no scale")
    return resource.scale


def to_scale(stored: Json, resource: Resource) -> Json:
    """The Scale of an object; counts that are not there are 0."""
    paths = _paths(resource)
    selector = _at(stored, paths.selector) if paths.selector else None
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: stored["metadata"][name] for name in _IDENTITY if name in stored["metadata"]},
        "spec": {"replicas": _at(stored, paths.spec_replicas) or 0},
        "status": {
            "replicas": _at(stored, paths.status_replicas) or 0,
            **({"selector": selector} if selector else {}),
        },
    }


def from_scale(body: Json, scale: Json, resource: Resource) -> Json:
    """The object with the Scale's replicas, changed in place; Refused when they are not a count."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 0:
        cause = Cause(INVALID, f"Invalid value: {replicas}: must be a number from 0 up", "spec.replicas")
        raise invalid("autoscaling", "Scale", body["metadata"]["name"], [cause])
    *above, last = _paths(resource).spec_replicas.split(".")
    node = body
    for name in above:
        node = node.setdefault(name, {})
    node[last] = replicas
    return body


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
