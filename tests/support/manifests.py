"""Kubernetes objects for tests: the smallest ones that mean something, to be changed field by field."""

import copy
from collections.abc import Mapping
from typing import Any

from meshsplit.diagnostics import Finding
from meshsplit.kserve.source import to_world
from meshsplit.model import Group, GroupKey, Settings, World

Body = dict[str, Any]

MODEL_TAG = "serving.kserve.io/model-tag"
PERCENT = "serving.kserve.io/canaryTrafficPercent"
MODE = "serving.kserve.io/deploymentMode"
MESH = "opendatahub.io/service-mesh"
GATEWAY = "service-mesh.opendatahub.io/public-gateway-name"
NAMESPACE = "models"
ONNX: Body = {"model": {"modelFormat": {"name": "onnx"}}}


def make_object(api_version: str, kind: str, name: str, namespace: str = "", **fields: Any) -> Body:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {}) | fields.pop("metadata", {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def make_namespace(
    name: str = NAMESPACE,
    annotations: Mapping[str, Any] | None = None,
    labels: Mapping[str, Any] | None = None,
) -> Body:
    """A namespace with the mesh on and a gateway, unless other annotations are given."""
    chosen = {MESH: "true", GATEWAY: "istio-system/public"} if annotations is None else dict(annotations)
    return make_object(
        "v1", "Namespace", name, metadata={"annotations": chosen, "labels": dict(labels or {})}
    )


def make_runtime(
    name: str = "triton",
    namespace: str = NAMESPACE,
    route: str | None = "true",
    model_format: str = "onnx",
    created: str | None = None,
    **spec: Any,
) -> Body:
    """An exposed multi-model runtime; of the cluster when `namespace` is ""."""
    offered = {"name": model_format, "autoSelect": True}
    return make_object(
        "serving.kserve.io/v1alpha1",
        "ServingRuntime" if namespace else "ClusterServingRuntime",
        name,
        namespace,
        metadata={
            "annotations": {} if route is None else {"enable-route": route},
            "creationTimestamp": created,
        },
        spec={"multiModel": True, "supportedModelFormats": [offered]} | spec,
    )


def make_service(
    name: str,
    percent: Any = None,
    tag: str | None = "mnist",
    namespace: str = NAMESPACE,
    mode: str | None = "ModelMesh",
    predictor: Mapping[str, Any] = ONNX,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> Body:
    """An InferenceService of the group `mnist`, in ModelMesh mode, without a percentage."""
    annotations = {} if mode is None else {MODE: mode}
    if percent is not None:
        annotations[PERCENT] = percent
    return make_object(
        "serving.kserve.io/v1beta1",
        "InferenceService",
        name,
        namespace,
        metadata={
            "labels": {} if tag is None else {MODEL_TAG: tag},
            "annotations": annotations | metadata.pop("annotations", {}),
            **metadata,
        },
        spec={"predictor": copy.deepcopy(dict(predictor)), **(spec or {})},
        status=dict(status or {}),
    )


def make_model_split(name: str = "mnist", namespace: str = NAMESPACE, **fields: Any) -> Body:
    """A ModelSplit with the given fields of its spec; `metadata` adds to its metadata."""
    metadata = fields.pop("metadata", {})
    return make_object(
        "meshsplit.dev/v1alpha1", "ModelSplit", name, namespace, metadata=metadata, spec=fields
    )


def make_pair(first: Any = "80", second: Any = "20", **fields: Any) -> list[Body]:
    """Two members of the group `mnist`."""
    return [make_service("mnist-v1", first, **fields), make_service("mnist-v2", second, **fields)]


def understand(*bodies: Body, settings: Settings | None = None) -> World:
    """The world of these objects."""
    return to_world(bodies, settings or Settings())


def understand_in_mesh(*bodies: Body, settings: Settings | None = None) -> World:
    """The world of these objects in a namespace with mesh, gateway and an exposed runtime for onnx."""
    return understand(make_namespace(), make_runtime(), *bodies, settings=settings)


def group_of(world: World, name: str = "mnist", namespace: str = NAMESPACE) -> Group:
    """The group of that name; a test that asks for one expects it."""
    return next(group for group in world.groups if group.key == GroupKey(namespace, name))


def codes(world: World) -> list[str]:
    """The codes of all findings, sorted."""
    return sorted(finding.code for finding in world.findings)


def only(world: World, code: str) -> Finding:
    """The one finding of a code."""
    (finding,) = (finding for finding in world.findings if finding.code == code)
    return finding
