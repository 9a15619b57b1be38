"""Objects for tests of the embedded cluster as `local` uses it."""

from typing import Any

from meshsplit.diagnostics import ObjectRef
from meshsplit.local.cluster import Cluster
from meshsplit.manifests.document import Document

NAMESPACE = "models"
KSERVE = "serving.kserve.io/v1beta1"


def isvc(name: str, mode: str = "ModelMesh", **annotations: str) -> dict[str, Any]:
    """An InferenceService of that deployment mode."""
    marks = {"serving.kserve.io/deploymentMode": mode, **annotations}
    return {
        "apiVersion": KSERVE,
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": marks},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
    }


def document(body: dict[str, Any], file: str = "a.yaml") -> Document:
    """The body as a document of a file."""
    metadata = body["metadata"]
    namespace = "" if body["kind"] == "Namespace" else metadata.get("namespace", NAMESPACE)
    return Document(ObjectRef(body["kind"], namespace, metadata["name"]), body, file, 1, "")


def get(cluster: Cluster, api_version: str, kind: str, name: str) -> dict[str, Any] | None:
    """The object in NAMESPACE, or without one; None when it is not there."""
    resource = cluster.resource(api_version, kind)
    namespace = NAMESPACE if resource.namespaced else ""
    for body in cluster.list([resource.key]):
        metadata = body["metadata"]
        if (metadata.get("namespace", ""), metadata["name"]) == (namespace, name):
            return body
    return None
