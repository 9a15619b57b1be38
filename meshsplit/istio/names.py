"""Every name, label, annotation and path of a generated object, in one place."""

from meshsplit.model import Routing

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "meshsplit"
INFERENCESERVICE_NAME = "inferenceservice-name"
"""Label of a model's VirtualService; the key is the one of the 2023 controller."""

DISVC = "disvc"
"""Label of everything that belongs to a DistributedInferenceService, with its name."""

MODEL_TAG = "serving.kserve.io/model-tag"
"""Label on members; annotation on the VirtualService of their group, with the group's name."""

WEIGHTS = "meshsplit.dev/weights"
"""Annotation with the split as text: bucket routes carry no `weight`."""

ADOPT = "meshsplit.dev/adopt"
"""Annotation "true": an object of a generated name that meshsplit did not make may be taken over."""

GITOPS_MARKERS = (
    ("helm.toolkit.fluxcd.io/driftDetection", "disabled"),
    ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
)
"""Annotations by which Flux leaves generated objects alone."""

ARGO_CD_LABELS = ("app.kubernetes.io/instance", "argocd.argoproj.io/instance")
"""Labels by which Argo CD tracks: its default before 3.0, and the key its docs suggest instead."""

ARGO_CD_ANNOTATION = "argocd.argoproj.io/tracking-id"

VMODEL_HEADER = "mm-vmodel-id"
"""By this header ModelMesh picks the model of a gRPC call whose payload names none."""

LOOP_HEADER = "x-vmodel"
"""By this header the second hop of Loopback knows the member."""

GRPC_ROUTE = "grpc-routing"
METADATA_ROUTE = "metadata-routing"
V1_METADATA_ROUTE = "metadata-routing.v1"
WEIGHTED_ROUTE = "weighted-routing"


def splitting_name(group: str) -> str:
    """Name of the VirtualService of a group, as the 2023 controller named it."""
    return f"{group}-splitting"


def v2_route(group: str, member: str) -> str:
    """Name of the route that carries the member's rewrite of `/v2/models/<group>/…`."""
    return f"{group}.{member}"


def v1_route(group: str, member: str) -> str:
    """Name of the route that carries the member's rewrite of `/v1/models/<group>:…`."""
    return f"{group}.{member}.v1"


def v2_path(name: str) -> str:
    """Path of a model in the Open Inference Protocol, its metadata; all its other paths begin with it."""
    return f"/v2/models/{name}"


def v1_path(name: str) -> str:
    """Path of a model in KServe's v1 protocol; `:predict` and `:explain` follow it."""
    return f"/v1/models/{name}"


def public_v2_path(routing: Routing, namespace: str, name: str) -> str:
    """Path under which clients call a group or model at the gateway."""
    return v2_path(name) if routing.own_host else f"/modelmesh/{namespace}{v2_path(name)}"


def loop_path(namespace: str, group: str) -> str:
    """Path of the second hop of Loopback."""
    return f"/vmodel-route/{namespace}/{group}/infer"
