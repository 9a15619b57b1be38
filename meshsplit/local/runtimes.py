"""ClusterServingRuntimes that an installation of KServe brings, as far as InferenceServices depend on them.

From KServe's config/runtimes: names, arguments, formats and protocols. Nothing runs their images here.
"""

from typing import Any

from meshsplit.kserve import keys
from meshsplit.local.crds import KSERVE_GROUP

Json = dict[str, Any]


def make_cluster_runtimes() -> tuple[Json, ...]:
    """scikit-learn's two: KServe's own server, and MLServer, which KServe takes for protocol v2."""
    return (
        _make_runtime(
            "kserve-sklearnserver",
            [_make_format("sklearn", "1", 3)],
            ["v1", "v2"],
            {
                "image": "kserve/sklearnserver",
                "args": ["--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080"],
            },
        ),
        _make_runtime(
            "kserve-mlserver",
            [
                _make_format(name, version, 2)
                for name, versions in (("sklearn", "01"), ("xgboost", "12"), ("lightgbm", "34"))
                for version in versions
            ],
            ["v2"],
            {
                "image": "seldonio/mlserver",
                "env": [
                    {"name": "MLSERVER_MODEL_IMPLEMENTATION", "value": "{{.Labels.modelClass}}"},
                    {"name": "MLSERVER_HTTP_PORT", "value": "8080"},
                    {"name": "MLSERVER_GRPC_PORT", "value": "9000"},
                    {"name": "MODELS_DIR", "value": "/mnt/models"},
                ],
            },
            {keys.SERVER_TYPE: "mlserver"},
        ),
    )


def _make_runtime(
    name: str, formats: list[Json], protocols: list[str], container: Json, annotations: Json | None = None
) -> Json:
    return {
        "apiVersion": f"{KSERVE_GROUP}/v1alpha1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": name, **({"annotations": annotations} if annotations else {})},
        "spec": {
            "supportedModelFormats": formats,
            "protocolVersions": protocols,
            "containers": [{"name": "kserve-container", **container}],
        },
    }


def _make_format(name: str, version: str, priority: int) -> Json:
    return {"name": name, "version": version, "autoSelect": True, "priority": priority}
