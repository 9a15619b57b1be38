"""The built-in kinds that installing a controller takes, and Ingress.

All of them are data. No Deployment gets Pods, no Role grants or denies anything, and no
ValidatingAdmissionPolicy is evaluated: what it would refuse is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.local.apiserver.resources import AGE, Column, Resource, Scale
from meshsplit.local.apiserver.structure import OPEN, Schema

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json

_ANY: Schema = {"type": "object", **OPEN}
_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, **OPEN}


def _by(*keys: str, **fields: Schema) -> Schema:
    """A list that is a map by these keys (listMapKey of the Kubernetes Go types)."""
    return {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
        "items": _object(**fields),
    }


_PROTOCOL: Schema = {"default": "TCP"}
_CONTAINERS = _by(
    "name",
    env=_by("name"),
    ports=_by("containerPort", "protocol", protocol=_PROTOCOL),
    volumeMounts=_by("mountPath"),
)
POD_SPEC = _object(
    containers=_CONTAINERS,
    initContainers=_CONTAINERS,
    imagePullSecrets=_by("name"),
    topologySpreadConstraints=_by("topologyKey", "whenUnsatisfiable"),
    volumes=_by("name"),
)
_STATUS = _object(conditions=_by("type"))
_DEPLOYMENT: Schema = {
    "properties": {"spec": _object(template=_object(spec=POD_SPEC)), "status": _STATUS},
    **OPEN,
}
_WITH_STATUS: Schema = {"properties": {"spec": _ANY, "status": _STATUS}, **OPEN}
_POLICY: Schema = {
    "properties": {
        "spec": _object(
            matchConditions=_by("name"),
            variables=_by("name"),
            matchConstraints=_object(namespaceSelector=_ANY, objectSelector=_ANY),
        ),
        "status": _STATUS,
    },
    **OPEN,
}
_BINDING: Schema = {"properties": {"spec": _object(matchResources=_ANY)}, **OPEN}
_RULES: Schema = {"properties": {"rules": {"type": "array", "items": _ANY}}, **OPEN}
_SUBJECTS: Schema = {
    "properties": {
        "roleRef": {"type": "object", "x-kubernetes-map-type": "atomic", **OPEN},
        "subjects": {"type": "array", "items": _ANY},
    },
    **OPEN,
}
# Defaults that clients read (apps/v1 SetDefaults_Deployment).
_ONE_REPLICA: Json = {"spec": {"replicas": 1}}


def _role(kind: str, *, namespaced: bool) -> Resource:
    created = Column("Created At", "date", ".metadata.creationTimestamp")
    return Resource(
        _RBAC, "v1", f"{kind.lower()}s", kind, namespaced=namespaced, schema=_RULES, columns=(created,)
    )


def _role_binding(kind: str, *, namespaced: bool) -> Resource:
    columns = (Column("Role", "string", ".roleRef.name"), AGE)
    return Resource(
        _RBAC, "v1", f"{kind.lower()}s", kind, namespaced=namespaced, schema=_SUBJECTS, columns=columns
    )


DEPLOYED = (
    Resource(
        _ADMISSION,
        "v1",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        namespaced=False,
        categories=("api-extensions",),
        status=True,
        schema=_POLICY,
        generation=True,
        columns=(AGE,),
    ),
    Resource(
        _ADMISSION,
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        namespaced=False,
        categories=("api-extensions",),
        schema=_BINDING,
        generation=True,
        columns=(Column("PolicyName", "string", ".spec.policyName"), AGE),
    ),
    Resource(
        "apps",
        "v1",
        "deployments",
        "Deployment",
        short_names=("deploy",),
        categories=("all",),
        status=True,
        scale=Scale("spec.replicas", "status.replicas"),
        schema=_DEPLOYMENT,
        generation=True,
        columns=(
            Column("Ready", "integer", ".status.readyReplicas"),
            Column("Up-to-date", "integer", ".status.updatedReplicas"),
            Column("Available", "integer", ".status.availableReplicas"),
            AGE,
        ),
        template=_ONE_REPLICA,
    ),
    Resource(
        "networking.k8s.io",
        "v1",
        "ingresses",
        "Ingress",
        short_names=("ing",),
        status=True,
        schema=_WITH_STATUS,
        generation=True,
        columns=(
            Column("Class", "string", ".spec.ingressClassName"),
            Column("Hosts", "string", ".spec.rules[*].host"),
            AGE,
        ),
    ),
    Resource(
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        short_names=("pdb",),
        status=True,
        schema=_WITH_STATUS,
        generation=True,
        columns=(
            Column("Min Available", "string", ".spec.minAvailable"),
            Column("Max Unavailable", "string", ".spec.maxUnavailable"),
            Column("Allowed Disruptions", "integer", ".status.disruptionsAllowed"),
            AGE,
        ),
    ),
    _role("ClusterRole", namespaced=False),
    _role("Role", namespaced=True),
    _role_binding("ClusterRoleBinding", namespaced=False),
    _role_binding("RoleBinding", namespaced=True),
)
"""Sorted by group and plural, roles before their bindings."""
