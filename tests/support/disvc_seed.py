"""The second document, its YAML, and the cluster in which it is walked through."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.kubectl import Kubectl
from support.local_mesh import LocalMesh, local_mesh

NAMESPACE = "kserve-demo"
GATEWAY = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "knative-ingress-gateway", "namespace": "knative-serving"},
    "spec": {"servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]},
}
"""Where meshsplit's settings look for one."""


def find_documents() -> Path:
    """The folder of the documents; where there is none the test is skipped, in CI it fails."""
    folder = os.environ.get("MESHSPLIT_SEEDS")
    if not folder:
        assert "CI" not in os.environ, "CI must have the seeds"
        pytest.skip("MESHSPLIT_SEEDS is not set")
    return Path(folder)


def find_file(name: str) -> Path:
    """One of the author's files, as `rest/disvc-1.yaml`."""
    return find_documents() / "disvc-poc" / name


def read_file(name: str) -> dict[str, Any]:
    """The object in it."""
    body: dict[str, Any] = yaml.safe_load(find_file(name).read_text())
    return body


def read_calls() -> list[str]:
    """The document's scripts that send its payload: inside and outside, for version 1 and then for 2.

    Without the lines that are about name resolution, which the test has another way for.
    """
    document = (find_documents() / "distributed-inference-service-rolling-update.md").read_text()
    blocks = [
        re.sub(r"(?m)^ +", "", b) for b in re.findall(r"~~~ *\n(.*?)~~~", document, re.S) if "-d @" in b
    ]
    assert len(blocks) == 4
    assert all('"datatype": "FP32"' in block for block in blocks)
    host = "SERVICE_HOSTNAME=sklearn-v2-iris-rest.kserve-demo.svc.cluster.local\n"
    return [
        ("" if "\nSERVICE_HOSTNAME=" in block else host)
        + re.sub(r"(?m)^echo .*\n", "", block).replace("/tmp/", "./")  # noqa: S108 - the document's
        for block in blocks
    ]


@dataclass(frozen=True)
class Demo:
    """A local cluster, and the kubectl of the document's reader."""

    mesh: LocalMesh
    kubectl: Kubectl

    def names(self, kind: str) -> list[str]:
        """What there is of a kind."""
        found = self.kubectl("get", kind, "-o", "jsonpath={.items[*].metadata.name}")
        return sorted(found.split())

    def status(self, name: str, path: str) -> str:
        """A field of the status of a DistributedInferenceService."""
        return self.kubectl("get", "disvc", name, "-o", f"jsonpath={{.status.{path}}}")


@contextmanager
def demo(work: Path, *options: str) -> Iterator[Demo]:
    """A cluster with a gateway and nothing else, up to the document's first two commands."""
    source = work / "source"
    source.mkdir()
    (source / "gateway.yaml").write_text(yaml.safe_dump(GATEWAY))
    with local_mesh(source, work, *options) as mesh:
        kubectl = Kubectl(mesh.kubeconfig, work)
        kubectl("create", "ns", NAMESPACE)
        kubectl("config", "set-context", "--current", "--namespace", NAMESPACE)
        yield Demo(mesh, kubectl)
