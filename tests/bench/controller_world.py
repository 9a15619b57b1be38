"""A fleet in an API server: namespaces, runtimes and InferenceServices in groups of two."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from meshsplit.controller import resources
from meshsplit.kube.client import Client
from meshsplit.kube.port import Resource

GROUPS_A_NAMESPACE = 50
WRITERS = 4
"""As many as the controller has workers."""

PERCENTS = {"one": 80, "two": 20}
BODY_BYTES = 2450
"""An InferenceService as the API server sends it, with managedFields; the rest is padding."""
_PADDING = "x" * 900

Body = dict[str, Any]
T = TypeVar("T")


def namespace_of(group: int) -> str:
    """The namespace of a group."""
    return f"team-{group // GROUPS_A_NAMESPACE:04}"


def name_of(group: int) -> str:
    """The tag of a group."""
    return f"group-{group:05}"


def fill(api: Client, groups: int) -> None:
    """Create everything that a person or KServe would have."""
    names = sorted({namespace_of(group) for group in range(groups)})
    for_all(names, lambda name: api.create(resources.NAMESPACES, _make_namespace(name)))
    for_all(names, lambda name: api.create(resources.SERVING_RUNTIMES, _make_runtime(name)))
    services = [_make_service(group, side) for group in range(groups) for side in PERCENTS]
    for_all(services, lambda body: api.create(resources.INFERENCE_SERVICES, body))


def for_all(items: Iterable[T], work: Callable[[T], object]) -> None:
    """Work on every item, by WRITERS threads."""
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(work, items):
            pass


def set_percent(api: Client, group: int, side: str, percent: int) -> bytes:
    """Edit one annotation, as kubectl annotate does."""
    patch = {"metadata": {"annotations": {"serving.kserve.io/canaryTrafficPercent": str(percent)}}}
    return api.patch(resources.INFERENCE_SERVICES, namespace_of(group), f"{name_of(group)}-{side}", patch)


def list_all(api: Client, resource: Resource) -> list[Body]:
    """Every object of a resource type."""
    found, token = [], ""
    while True:
        page = api.list_page(resource, continue_token=token)
        found += [item.body for item in page.items]
        token = page.continue_token
        if not token:
            return found


def _make_namespace(name: str) -> Body:
    annotations = {
        "opendatahub.io/service-mesh": "true",
        "service-mesh.opendatahub.io/public-gateway-name": "istio-system/public",
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}}


def _make_runtime(namespace: str) -> Body:
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "mlserver", "namespace": namespace, "annotations": {"enable-route": "true"}},
        "spec": {
            "multiModel": True,
            "supportedModelFormats": [{"name": "sklearn", "version": "1", "autoSelect": True}],
            "containers": [{"name": "mlserver", "image": "seldonio/mlserver:1.7.1"}],
        },
    }


def _make_service(group: int, side: str) -> Body:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": f"{name_of(group)}-{side}",
            "namespace": namespace_of(group),
            "labels": {"serving.kserve.io/model-tag": name_of(group)},
            "annotations": {
                "serving.kserve.io/deploymentMode": "ModelMesh",
                "serving.kserve.io/canaryTrafficPercent": str(PERCENTS[side]),
                "example.com/padding": _PADDING,
            },
        },
        "spec": {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "storage": {"key": "localMinIO", "path": "sklearn/mnist-svm.joblib"},
                }
            }
        },
    }
