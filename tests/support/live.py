"""A cluster for the verbs: the embedded API server with our CRD and open stand-ins for others' kinds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from meshsplit.api.crd import make_modelsplit_crd
from meshsplit.cli import kinds
from meshsplit.cli.main import cli
from meshsplit.kube.client import Client, load_configuration
from meshsplit.kube.port import Resource
from meshsplit.local.apiserver import ApiServer
from meshsplit.local.apiserver.faults import Faults

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "modelmesh-canary"
SINCE = "2026-01-01T00:00:00Z"
TAG = "serving.kserve.io/model-tag"
PERCENT = "serving.kserve.io/canaryTrafficPercent"
MODE = "serving.kserve.io/deploymentMode"

_OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def make_crd(resource: Resource, *versions: str) -> dict[str, Any]:
    """A CustomResourceDefinition that takes anything, serving `versions`, the resource's own when none."""
    named = versions or (resource.version,)
    return {
        "apiVersion": kinds.CRDS.api_version,
        "kind": kinds.CRDS.kind,
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "names": {
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": at == 0,
                    "schema": {"openAPIV3Schema": _OPEN},
                    "subresources": {"status": {}},
                }
                for at, version in enumerate(named)
            ],
        },
    }


MESHSPLIT = (make_modelsplit_crd(),)
KSERVE = tuple(
    make_crd(each)
    for each in (kinds.INFERENCE_SERVICES, kinds.SERVING_RUNTIMES, kinds.CLUSTER_SERVING_RUNTIMES)
)
ISTIO = tuple(
    make_crd(each, "v1", "v1beta1") for each in (kinds.virtual_services("v1"), kinds.gateways("v1"))
)
APPS = (make_crd(kinds.DEPLOYMENTS),)
GATEWAY_API = (make_crd(kinds.WAYPOINTS),)
EVERYTHING = (*MESHSPLIT, *KSERVE, *ISTIO, *APPS, *GATEWAY_API)


@dataclass(frozen=True)
class Live:
    """A running cluster and the program pointed at it; objects are written as `manager`."""

    server: ApiServer
    kubeconfig: Path

    @property
    def faults(self) -> Faults:
        return self.server.faults

    def client(self, manager: str = "argocd-controller") -> Client:
        return Client(load_configuration(str(self.kubeconfig)), field_manager=manager)

    def install(self, *crds: dict[str, Any]) -> None:
        for crd in crds:
            self.client().create(kinds.CRDS, crd)

    def write(self, resource: Resource, body: dict[str, Any], manager: str = "argocd-controller") -> None:
        """Apply an object; its status, where it has one, through the subresource."""
        whole = {**body, "apiVersion": resource.api_version, "kind": resource.kind}
        status = whole.pop("status", None)
        client = self.client(manager)
        client.apply(resource, whole)
        if status is not None:
            client.apply_status(resource, {**_head(whole), "status": status})

    def run(self, *words: str, stdin: str | None = None) -> Result:
        """The program with its kubeconfig in the environment, as a user has it."""
        env = {"KUBECONFIG": str(self.kubeconfig), "FORCE_COLOR": "", "NO_COLOR": ""}
        return CliRunner(env=env).invoke(cli, list(words), input=stdin, prog_name="meshsplit")


def _head(body: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: body["metadata"][key] for key in ("name", "namespace") if key in body["metadata"]}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}


@contextmanager
def live_cluster(folder: Path, *crds: dict[str, Any]) -> Iterator[Live]:
    with ApiServer.start() as server:
        live = Live(server, server.kubeconfig(folder / "kubeconfig"))
        live.install(*crds)
        yield live


def make_namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}}


def make_member(
    name: str, tag: str, percent: str | None, namespace: str = "models", **status: Any
) -> dict[str, Any]:
    annotations = {MODE: "ModelMesh", **({} if percent is None else {PERCENT: percent})}
    metadata = {"name": name, "namespace": namespace, "labels": {TAG: tag}, "annotations": annotations}
    return {
        "metadata": metadata,
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
        "status": {"conditions": [make_condition("Ready", **status)]},
    }


def make_condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> dict[str, Any]:
    named = {"type": kind, "status": status, "lastTransitionTime": SINCE}
    return {**named, "reason": reason or kind, "message": message}


def make_split(
    name: str, namespace: str = "models", spec: dict[str, Any] | None = None, **status: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {
        "metadata": metadata,
        "spec": spec or {"modelTag": name},
        **({"status": status} if status else {}),
    }


def make_route(name: str, namespace: str = "models", **metadata: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "meshsplit"}
    spec = {"hosts": ["*"], "gateways": ["istio-system/odh"], "http": []}
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels, **metadata}, "spec": spec}


def write_example(live: Live, istio: str = "v1") -> None:
    """The example as somebody would have applied it, before any route is written."""
    served = (
        kinds.NAMESPACES,
        kinds.INFERENCE_SERVICES,
        kinds.SERVING_RUNTIMES,
        kinds.gateways(istio),
    )
    resources = {resource.kind: resource for resource in served}
    for namespace in ("modelmesh-apps", "istio-system"):
        live.write(kinds.NAMESPACES, make_namespace(namespace))
    for file in sorted(EXAMPLE.glob("*.yaml")):
        for body in yaml.safe_load_all(file.read_text()):
            live.write(resources[body["kind"]], body)
