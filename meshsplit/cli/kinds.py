"""The resource types that the verbs use: the controller's, and some that only people ask for."""

from meshsplit.controller.resources import (
    CLUSTER_SERVING_RUNTIMES,
    EVENTS,
    INFERENCE_SERVICES,
    ISTIO_VERSIONS,
    MODEL_SPLITS,
    NAMESPACES,
    SERVING_RUNTIMES,
    gateways,
    virtual_services,
)
from meshsplit.kube.leader import LEASES
from meshsplit.kube.port import Resource

__all__ = [
    "ACCESS_REVIEWS",
    "CLUSTER_SERVING_RUNTIMES",
    "CONFIG_MAPS",
    "CRDS",
    "DEPLOYMENTS",
    "EVENTS",
    "INFERENCE_SERVICES",
    "ISTIO_VERSIONS",
    "LEASES",
    "MODEL_SPLITS",
    "NAMESPACES",
    "SERVICES",
    "SERVING_RUNTIMES",
    "SUBJECT_REVIEWS",
    "WAYPOINTS",
    "destination_rules",
    "gateways",
    "virtual_services",
]

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
CRDS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
WAYPOINTS = Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway", namespaced=True)


def destination_rules(version: str) -> Resource:
    """DestinationRules in a served version of Istio's API."""
    return Resource("networking.istio.io", version, "destinationrules", "DestinationRule", namespaced=True)
