"""The CustomResourceDefinitions that a cluster of KServe, Istio and meshsplit has."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from meshsplit.api.crd import make_disvc_crd, make_modelsplit_crd
from meshsplit.kube.port import Resource
from meshsplit.local.crds import make_crds

DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
UPSTREAM = (
    "inferenceservices.serving.kserve.io",
    "servingruntimes.serving.kserve.io",
    "clusterservingruntimes.serving.kserve.io",
    "virtualservices.networking.istio.io",
    "gateways.networking.istio.io",
    "destinationrules.networking.istio.io",
)


@cache
def strict_crds() -> tuple[dict[str, Any], ...]:
    """Upstream's from the folder MESHSPLIT_CRDS, and our own; without a folder the stand-ins."""
    folder = os.environ.get("MESHSPLIT_CRDS")
    if not folder:
        return make_crds()
    texts = [(Path(folder) / f"{name}.yaml").read_text() for name in UPSTREAM]
    # libyaml reads the 2 MB of KServe's schemas ten times faster than Python does.
    found = [body for text in texts for body in yaml.load_all(text, Loader=yaml.CSafeLoader) if body]
    return (*found, make_modelsplit_crd(), make_disvc_crd())
