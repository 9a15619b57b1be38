"""The resource types that the controller reads and writes."""

from meshsplit.api import disvc, modelsplit
from meshsplit.kube.port import Resource

INFERENCE_SERVICES = Resource(
    "serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService", namespaced=True
)
SERVING_RUNTIMES = Resource(
    "serving.kserve.io", "v1alpha1", "servingruntimes", "ServingRuntime", namespaced=True
)
CLUSTER_SERVING_RUNTIMES = Resource(
    "serving.kserve.io", "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", namespaced=False
)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
MODEL_SPLITS = Resource(
    modelsplit.API_GROUP,
    modelsplit.API_VERSION.rpartition("/")[2],
    "modelsplits",
    modelsplit.KIND,
    namespaced=True,
)
DISVCS = Resource(
    "serving.kserve.io", "v1alpha1", "distributedinferenceservices", disvc.KIND, namespaced=True
)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", namespaced=True)
EVENTS = Resource("", "v1", "events", "Event", namespaced=True)

ISTIO_VERSIONS = ("v1", "v1beta1")
"""Of networking.istio.io, the preferred one first; OpenShift Service Mesh 2 has only the second."""


def virtual_services(version: str) -> Resource:
    """VirtualServices in a served version of Istio's API."""
    return Resource("networking.istio.io", version, "virtualservices", "VirtualService", namespaced=True)


def destination_rules(version: str) -> Resource:
    """DestinationRules in a served version of Istio's API."""
    return Resource("networking.istio.io", version, "destinationrules", "DestinationRule", namespaced=True)


def gateways(version: str) -> Resource:
    """Gateways in a served version of Istio's API."""
    return Resource("networking.istio.io", version, "gateways", "Gateway", namespaced=True)
