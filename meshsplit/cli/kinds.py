"""The resource types that the verbs read from a cluster."""

from meshsplit.api.modelsplit import API_VERSION, KIND
from meshsplit.kube.port import Resource

_GROUP, _VERSION = API_VERSION.split("/")
_ISTIO, _KSERVE = "networking.istio.io", "serving.kserve.io"

ISTIO_VERSIONS = ("v1", "v1beta1")
"""Versions of Istio's API that are understood, the preferred one first."""

MODELSPLITS = Resource(_GROUP, _VERSION, "modelsplits", KIND, namespaced=True)
INFERENCESERVICES = Resource(_KSERVE, "v1beta1", "inferenceservices", "InferenceService", namespaced=True)
SERVINGRUNTIMES = Resource(_KSERVE, "v1alpha1", "servingruntimes", "ServingRuntime", namespaced=True)
CLUSTERSERVINGRUNTIMES = Resource(
    _KSERVE, "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", namespaced=False
)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
CRDS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
WAYPOINTS = Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway", namespaced=True)


def virtual_services(version: str = ISTIO_VERSIONS[0]) -> Resource:
    """VirtualServices as that version of Istio's API writes them."""
    return Resource(_ISTIO, version, "virtualservices", "VirtualService", namespaced=True)


def gateways(version: str = ISTIO_VERSIONS[0]) -> Resource:
    """Gateways of Istio as that version of its API writes them."""
    return Resource(_ISTIO, version, "gateways", "Gateway", namespaced=True)


def destination_rules(version: str = ISTIO_VERSIONS[0]) -> Resource:
    """DestinationRules as that version of Istio's API writes them."""
    return Resource(_ISTIO, version, "destinationrules", "DestinationRule", namespaced=True)
