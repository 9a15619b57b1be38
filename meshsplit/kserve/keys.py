"""The labels and annotations that are read, in one place."""

from meshsplit.diagnostics import FieldPath

KSERVE_GROUP = "serving.kserve.io"

MODEL_TAG = "serving.kserve.io/model-tag"
PERCENT = "serving.kserve.io/canaryTrafficPercent"
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
ENABLE_ROUTE = "enable-route"
SERVER_TYPE = "serving.kserve.io/server-type"
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"

MESH_SWITCH = "opendatahub.io/service-mesh"
"""A label in the first dialect, an annotation in the others."""
GATEWAY_NAMESPACE = "maistra.io/gateway-namespace"
GATEWAY_NAME = "maistra.io/gateway-name"
MESH_GATEWAY = "opendatahub.io/service-mesh-gw"
PUBLIC_GATEWAY = "service-mesh.opendatahub.io/public-gateway-name"
PUBLIC_GATEWAY_HOST = "service-mesh.opendatahub.io/public-gateway-host-internal"
HOSTS = "meshsplit.dev/hosts"

MLSERVER_MODEL_NAME = "MLSERVER_MODEL_NAME"
MODEL_NAME_ARGUMENT = "--model_name"


def label(key: str) -> FieldPath:
    """The path of a label."""
    return ("metadata", "labels", key)


def annotation(key: str) -> FieldPath:
    """The path of an annotation."""
    return ("metadata", "annotations", key)
