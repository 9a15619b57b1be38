"""The Istio objects of the input that routes can collide with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.diagnostics import ObjectRef
from meshsplit.istio import names
from meshsplit.istio.rules.gateways import MESH
from meshsplit.istio.rules.shape import GATEWAY, VIRTUAL_SERVICE, check_shape

API_GROUP = "networking.istio.io"
_SHAPES = {"VirtualService": VIRTUAL_SERVICE, "Gateway": GATEWAY}

Body = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Observed:
    """VirtualServices and Gateways by namespace and name, in that order; misshapen ones are left out."""

    virtual_services: dict[Key, Body]
    gateways: dict[Key, Body]


def observe(bodies: Iterable[Body]) -> Observed:
    """Pick the objects of Istio's networking group out of any input."""
    found: dict[str, dict[Key, Body]] = {kind: {} for kind in _SHAPES}
    for body in bodies:
        group, kind = str(body.get("apiVersion")).partition("/")[0], body.get("kind")
        if group != API_GROUP or not isinstance(kind, str) or kind not in found:
            continue
        if not check_shape(body, _SHAPES[kind]):
            found[kind][key_of(body)] = body
    in_order = {kind: dict(sorted(objects.items())) for kind, objects in found.items()}
    return Observed(in_order["VirtualService"], in_order["Gateway"])


def key_of(body: Body) -> Key:
    """Namespace ("" when it names none) and name."""
    metadata = body.get("metadata") or {}
    return metadata.get("namespace") or "", metadata.get("name") or ""


def ref_of(body: Body) -> ObjectRef:
    """Say which object `body` is."""
    return ObjectRef(body["kind"], *key_of(body))


def spec_of(body: Body) -> Body:
    """The spec, empty when there is none."""
    return body.get("spec") or {}


def http_of(body: Body) -> list[Body]:
    """The HTTP routes of a VirtualService."""
    return spec_of(body).get("http") or []


def label_of(body: Body, key: str) -> str | None:
    """Value of a label."""
    return ((body.get("metadata") or {}).get("labels") or {}).get(key)


def annotation_of(body: Body, key: str) -> str | None:
    """Value of an annotation."""
    return ((body.get("metadata") or {}).get("annotations") or {}).get(key)


def is_made_here(body: Body) -> bool:
    """Whether meshsplit made the object, for a group or a model."""
    return label_of(body, names.MANAGED_BY) == names.MANAGER and label_of(body, names.DISVC) is None


def is_ours(body: Body) -> bool:
    """Whether meshsplit made the object, or was told to take it over."""
    return is_made_here(body) or annotation_of(body, names.ADOPT) == "true"


def gateways_of(body: Body) -> frozenset[Key]:
    """The gateways that a VirtualService is bound to, sidecars aside."""
    namespace, _ = key_of(body)
    listed = spec_of(body).get("gateways") or []
    return frozenset(resolve_gateway(name, namespace) for name in listed if name != MESH)


def resolve_gateway(name: str, namespace: str) -> Key:
    """The gateway that `name` means in an object of `namespace` (pilot/pkg/model, resolveGatewayName)."""
    prefix, slash, rest = name.partition("/")
    if slash:
        return (namespace if prefix == "." else prefix), rest
    first, dot, domain = name.partition(".")
    return (domain.partition(".")[0], first) if dot else (namespace, name)
