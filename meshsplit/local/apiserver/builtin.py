"""The kinds every server serves. They are data here: nothing runs behind a Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.local.apiserver.backing import ENDPOINT_SLICE, POD
from meshsplit.local.apiserver.deployed import DEPLOYED
from meshsplit.local.apiserver.resources import AGE, Column, Resource
from meshsplit.local.apiserver.structure import OPEN, Schema

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json

CRD_GROUP = "apiextensions.k8s.io"
_OBJECT: Schema = {"type": "object", **OPEN}
_ATOMIC: Schema = {"type": "object", "x-kubernetes-map-type": "atomic", **OPEN}
_STRING: Schema = {"type": "string"}
_CONDITIONS: Schema = {
    "type": "object",
    "properties": {
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": _OBJECT,
        }
    },
    **OPEN,
}
_NAMESPACE: Schema = {"properties": {"spec": _OBJECT, "status": _CONDITIONS}, **OPEN}
_SCALE: Schema = {
    "type": "object",
    "required": ["specReplicasPath", "statusReplicasPath"],
    "properties": dict.fromkeys(("specReplicasPath", "statusReplicasPath", "labelSelectorPath"), _STRING),
}
_COLUMN: Schema = {
    "type": "object",
    "required": ["name", "type", "jsonPath"],
    "properties": dict.fromkeys(("name", "type", "jsonPath"), _STRING),
    **OPEN,
}
_VERSION: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _STRING,
        "schema": {"type": "object", "properties": {"openAPIV3Schema": _OBJECT}, **OPEN},
        "subresources": {"type": "object", "properties": {"status": _OBJECT, "scale": _SCALE}},
        "additionalPrinterColumns": {"type": "array", "items": _COLUMN},
        "selectableFields": {"type": "array", "items": {"required": ["jsonPath"], **_OBJECT}},
    },
    **OPEN,
}
_CRD: Schema = {
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "group": _STRING,
                "scope": {"type": "string", "enum": ["Namespaced", "Cluster"]},
                "names": {
                    "type": "object",
                    "properties": dict.fromkeys(("plural", "singular", "kind", "listKind"), _STRING),
                    **OPEN,
                },
                "versions": {"type": "array", "items": _VERSION},
            },
            **OPEN,
        },
        "status": _CONDITIONS,
    },
    **OPEN,
}
_PORTS: Schema = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    "items": {"type": "object", "properties": {"protocol": {"default": "TCP"}}, **OPEN},
}
_SERVICE: Schema = {
    "properties": {
        "spec": {"type": "object", "properties": {"ports": _PORTS, "selector": _ATOMIC}, **OPEN},
        "status": _CONDITIONS,
    },
    **OPEN,
}
_SECRET: Schema = {"properties": {"data": _OBJECT, "stringData": _OBJECT}, **OPEN}
_CONFIG_MAP: Schema = {"properties": {"data": _OBJECT, "binaryData": _OBJECT}, **OPEN}
_LEASE: Schema = {"properties": {"spec": _OBJECT}, **OPEN}
_EVENT_TYPES: Schema = {"properties": {"involvedObject": _OBJECT, "source": _OBJECT}, **OPEN}
# The JSON of the Go type always has these (core/v1 types.go, Event: no omitempty).
_EVENT: Json = {
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "type",
)

BUILT_IN = (
    Resource(
        "",
        "v1",
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        status=True,
        schema=_NAMESPACE,
        columns=(Column("Status", "string", ".status.phase"), AGE),
        selectable=("status.phase",),
        template={"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}},
    ),
    Resource("", "v1", "configmaps", "ConfigMap", short_names=("cm",), schema=_CONFIG_MAP, columns=(AGE,)),
    Resource(
        "",
        "v1",
        "secrets",
        "Secret",
        schema=_SECRET,
        columns=(Column("Type", "string", ".type"), AGE),
        selectable=("type",),
        template={"type": "Opaque"},
    ),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",), columns=(AGE,)),
    Resource(
        "",
        "v1",
        "services",
        "Service",
        short_names=("svc",),
        categories=("all",),
        status=True,
        schema=_SERVICE,
        columns=(
            Column("Type", "string", ".spec.type"),
            Column("Cluster-IP", "string", ".spec.clusterIP"),
            Column("Port", "string", ".spec.ports[*].port"),
            AGE,
        ),
        selectable=("spec.clusterIP", "spec.type"),
        template={"spec": {"type": "ClusterIP", "sessionAffinity": "None"}, "status": {"loadBalancer": {}}},
    ),
    POD,
    Resource(
        "",
        "v1",
        "events",
        "Event",
        short_names=("ev",),
        schema=_EVENT_TYPES,
        columns=(
            Column("Last Seen", "date", ".lastTimestamp"),
            Column("Type", "string", ".type"),
            Column("Reason", "string", ".reason"),
            Column("Object", "string", ".involvedObject.name"),
            Column("Message", "string", ".message"),
        ),
        selectable=_EVENT_FIELDS,
        template=_EVENT,
    ),
    Resource(
        "coordination.k8s.io",
        "v1",
        "leases",
        "Lease",
        schema=_LEASE,
        unconditional=False,
        columns=(Column("Holder", "string", ".spec.holderIdentity"), AGE),
    ),
    ENDPOINT_SLICE,
    *DEPLOYED,
    Resource(
        CRD_GROUP,
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        status=True,
        schema=_CRD,
        generation=True,
        unconditional=False,
        columns=(Column("Created At", "string", ".metadata.creationTimestamp"),),
        template={"spec": {"conversion": {"strategy": "None"}}},
    ),
)
NAMESPACES = BUILT_IN[0]
CRDS = BUILT_IN[-1]
