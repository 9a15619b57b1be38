"""The kinds of KServe and Istio that the embedded cluster serves: open schemas, and columns worth reading.

They stand in for the CRDs of a real installation, which check more: here every field is taken as written.
"""

from dataclasses import dataclass
from typing import Any

from meshsplit.api.crd import make_disvc_crd, make_modelsplit_crd

Json = dict[str, Any]

KSERVE_GROUP = "serving.kserve.io"
ISTIO_GROUP = "networking.istio.io"

ISTIO_VERSIONS = ("v1", "v1beta1", "v1alpha3")
"""What Istio's own CRDs serve; the first one is stored."""

_OPEN: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_STATUS: Json = {
    **_OPEN,
    "properties": {
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {**_OPEN, "required": ["type"], "properties": {"type": {"type": "string"}}},
        }
    },
}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind; a column is its title and its JSONPath, and Age follows them."""

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    status: bool = True
    columns: tuple[tuple[str, str], ...] = ()

    def to_crd(self) -> Json:
        """The CustomResourceDefinition."""
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{self.plural}.{self.group}"},
            "spec": {
                "group": self.group,
                "scope": "Namespaced" if self.namespaced else "Cluster",
                "names": {
                    "plural": self.plural,
                    "singular": self.kind.lower(),
                    "kind": self.kind,
                    "listKind": f"{self.kind}List",
                    "shortNames": list(self.short_names),
                },
                "versions": [self._to_version(version) for version in self.versions],
            },
        }

    def _to_version(self, version: str) -> Json:
        columns = [{"name": name, "type": "string", "jsonPath": path} for name, path in self.columns]
        age = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
        properties = {"spec": _OPEN, "status": _STATUS} if self.status else {"spec": _OPEN}
        return {
            "name": version,
            "served": True,
            "storage": version == self.versions[0],
            "schema": {"openAPIV3Schema": {**_OPEN, "properties": properties}},
            "subresources": {"status": {}} if self.status else {},
            "additionalPrinterColumns": [*columns, age],
        }


_READY = ("Ready", '.status.conditions[?(@.type=="Ready")].status')
_KINDS = (
    _Kind(
        KSERVE_GROUP,
        ("v1beta1",),
        "InferenceService",
        "inferenceservices",
        ("isvc",),
        columns=(
            ("URL", ".status.url"),
            _READY,
            ("Group", ".metadata.labels.serving\\.kserve\\.io/model-tag"),
            ("Percent", ".metadata.annotations.serving\\.kserve\\.io/canaryTrafficPercent"),
        ),
    ),
    _Kind(
        KSERVE_GROUP,
        ("v1alpha1",),
        "ServingRuntime",
        "servingruntimes",
        status=False,
        columns=(("Disabled", ".spec.disabled"), ("Enable-Route", ".metadata.annotations.enable-route")),
    ),
    _Kind(
        KSERVE_GROUP,
        ("v1alpha1",),
        "ClusterServingRuntime",
        "clusterservingruntimes",
        namespaced=False,
        status=False,
        columns=(("Disabled", ".spec.disabled"), ("Enable-Route", ".metadata.annotations.enable-route")),
    ),
    _Kind(
        ISTIO_GROUP,
        ISTIO_VERSIONS,
        "VirtualService",
        "virtualservices",
        ("vs",),
        columns=(
            ("Gateways", ".spec.gateways"),
            ("Hosts", ".spec.hosts"),
            ("Weights", ".metadata.annotations.meshsplit\\.dev/weights"),
        ),
    ),
    _Kind(
        ISTIO_GROUP,
        ISTIO_VERSIONS,
        "DestinationRule",
        "destinationrules",
        ("dr",),
        columns=(("Host", ".spec.host"),),
    ),
    _Kind(ISTIO_GROUP, ISTIO_VERSIONS, "Gateway", "gateways", ("gw",)),
)


def make_crds() -> tuple[Json, ...]:
    """The CustomResourceDefinitions of these kinds, and meshsplit's own ones."""
    return (*(kind.to_crd() for kind in _KINDS), make_modelsplit_crd(), make_disvc_crd())
