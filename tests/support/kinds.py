"""The CustomResourceDefinitions that a cluster of KServe, Istio and meshsplit has."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.api.crd import make_modelsplit_crd
from meshsplit.kube.port import Resource

CRDS = os.environ.get("MESHSPLIT_CRDS")
DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
UPSTREAM = (
    "inferenceservices.serving.kserve.io",
    "servingruntimes.serving.kserve.io",
    "clusterservingruntimes.serving.kserve.io",
    "virtualservices.networking.istio.io",
    "gateways.networking.istio.io",
)


@cache
def make_crds() -> tuple[dict[str, Any], ...]:
    """Upstream's from the folder MESHSPLIT_CRDS, and our own."""
    if not CRDS:
        pytest.skip("MESHSPLIT_CRDS names no folder with the CRDs of KServe and Istio")
    texts = [(Path(CRDS) / f"{name}.yaml").read_text() for name in UPSTREAM]
    # libyaml reads the 2 MB of KServe's schemas ten times faster than Python does.
    found = [body for text in texts for body in yaml.load_all(text, Loader=yaml.CSafeLoader) if body]  # noqa: S506
    return (*found, make_modelsplit_crd())
