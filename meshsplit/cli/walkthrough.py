"""The kubectl lines of the walk-through that this project started from, and how they are carried out."""

from dataclasses import dataclass
from typing import Literal

from meshsplit.cli.kubectl import has_kubectl, run_kubectl
from meshsplit.cli.localmesh import LocalMesh
from meshsplit.model import GroupKey

GROUP = GroupKey("modelmesh-apps", "ai-model")

_KINDS = {
    "ns": ("v1", "Namespace"),
    "servingruntime": ("serving.kserve.io/v1alpha1", "ServingRuntime"),
    "isvc": ("serving.kserve.io/v1beta1", "InferenceService"),
}
_FIELDS = {"label": "labels", "annotate": "annotations"}


@dataclass(frozen=True, slots=True)
class Line:
    """`kubectl label` or `kubectl annotate` of one object; what a reader can type as it is printed."""

    verb: Literal["label", "annotate"]
    kind: str
    name: str
    key: str
    value: str
    overwrite: bool = False

    @property
    def words(self) -> list[str]:
        """The command as kubectl gets it."""
        flags = ["--overwrite"] if self.overwrite else []
        return ["kubectl", self.verb, *flags, self.kind, self.name, f"{self.key}={self.value}"]

    def __str__(self) -> str:
        return " ".join(self.words)

    def run(self, mesh: LocalMesh) -> None:
        """Do it with kubectl, and where there is none with the request that kubectl would send."""
        if has_kubectl():
            run_kubectl(mesh, self.words[1:])
        else:
            self._patch(mesh)

    def _patch(self, mesh: LocalMesh) -> None:
        cluster = mesh.session.cluster
        resource = cluster.resource(*_KINDS[self.kind])
        namespace = GROUP.namespace if resource.namespaced else ""
        patch = {"metadata": {_FIELDS[self.verb]: {self.key: self.value}}}
        cluster.merge(resource, namespace, self.name, patch, f"kubectl-{self.verb}")


def _percent(name: str, percent: str, *, overwrite: bool = False) -> Line:
    return Line("annotate", "isvc", name, "serving.kserve.io/canaryTrafficPercent", percent, overwrite)


PREPARING = (
    Line("label", "ns", GROUP.namespace, "opendatahub.io/service-mesh", "true"),
    Line("annotate", "ns", GROUP.namespace, "maistra.io/gateway-namespace", "istio-system"),
    Line("annotate", "ns", GROUP.namespace, "maistra.io/gateway-name", "odh-gateway"),
    Line("annotate", "servingruntime", "mlserver-1.x", "enable-route", "true"),
)
"""The mesh is switched on, the gateway is named, and the runtime's models may be reached."""

GROUPING = (
    Line("label", "isvc", "ai-model-one", "serving.kserve.io/model-tag", GROUP.name),
    Line("label", "isvc", "ai-model-two", "serving.kserve.io/model-tag", GROUP.name),
)
WEIGHING = (_percent("ai-model-one", "80"), _percent("ai-model-two", "20"))
HALVING = (_percent("ai-model-one", "50", overwrite=True), _percent("ai-model-two", "50", overwrite=True))
"""Another target; in between the sum is wrong, and the split before it serves."""
