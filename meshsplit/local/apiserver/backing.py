"""The built-in kinds that say what stands behind a Service. They are data: nothing here runs a Pod."""

from meshsplit.local.apiserver.deployed import POD_SPEC
from meshsplit.local.apiserver.resources import AGE, Column, Resource
from meshsplit.local.apiserver.structure import OPEN, Schema

_POD: Schema = {
    "properties": {
        "spec": POD_SPEC,
        "status": {
            "type": "object",
            "properties": {
                "conditions": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": {"type": "object", **OPEN},
                }
            },
            **OPEN,
        },
    },
    **OPEN,
}
POD = Resource(
    "",
    "v1",
    "pods",
    "Pod",
    short_names=("po",),
    categories=("all",),
    status=True,
    schema=_POD,
    columns=(
        Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
        Column("Status", "string", ".status.phase"),
        Column("IP", "string", ".status.podIP"),
        AGE,
    ),
    selectable=("spec.nodeName", "status.phase", "status.podIP"),
)
ENDPOINT_SLICE = Resource(
    "discovery.k8s.io",
    "v1",
    "endpointslices",
    "EndpointSlice",
    columns=(
        Column("AddressType", "string", ".addressType"),
        Column("Ports", "string", ".ports[*].port"),
        Column("Endpoints", "string", ".endpoints[*].addresses[*]"),
        AGE,
    ),
)
