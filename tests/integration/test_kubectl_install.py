"""What is installed, with the real kubectl: it applies, says what is wrong, and prints what is documented."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.kubectl import SECONDS, Kubectl, need_kubectl, serving

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
SPLIT = """\
apiVersion: meshsplit.dev/v1alpha1
kind: ModelSplit
metadata: {name: scorer}
spec:
  weightsFrom: Spec
  members: [{name: scorer-blue, weight: 80}, {name: scorer-green, weight: 20}]
"""

pytestmark = pytest.mark.xdist_group("kubectl")


@pytest.fixture(scope="module", autouse=True)
def _kubectl() -> None:
    need_kubectl()


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Kubectl]:
    with serving(tmp_path) as client:
        yield client


@pytest.fixture
def installed(kubectl: Kubectl) -> Kubectl:
    kubectl("apply", "-f", str(CONFIG / "install.yaml"))
    kubectl("wait", "--for=condition=Established", "crd/modelsplits.meshsplit.dev", f"--timeout={SECONDS}s")
    return kubectl


def test_the_generated_files_are_what_their_sources_say() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "make_config"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("way", [[], ["--server-side"]], ids=["client-side", "server-side"])
def test_installing_again_changes_nothing(kubectl: Kubectl, way: list[str]) -> None:
    path = str(CONFIG / "install.yaml")
    first = kubectl("apply", *way, "-f", path).splitlines()
    assert len(first) == 14
    versions = kubectl("get", "-f", path, "-o", "jsonpath={.items[*].metadata.resourceVersion}")
    again = kubectl("apply", *way, "-f", path).splitlines()
    assert [line.split()[0] for line in again] == [line.split()[0] for line in first]
    assert kubectl("get", "-f", path, "-o", "jsonpath={.items[*].metadata.resourceVersion}") == versions


def test_another_version_of_the_deployment_is_merged(installed: Kubectl) -> None:
    text = (CONFIG / "install.yaml").read_text().replace("image: meshsplit:0.1.0", "image: meshsplit:9")
    installed("apply", "-f", "-", stdin=text.replace("containerPort: 8080", "containerPort: 9090"))
    container = json.loads(installed("get", "deploy", "-n", "meshsplit-system", "-o", "json"))["items"][0][
        "spec"
    ]["template"]["spec"]["containers"]
    assert [one["image"] for one in container] == ["meshsplit:9"]
    assert [port["containerPort"] for port in container[0]["ports"]] == [9090]
    installed("scale", "deploy/meshsplit-controller", "-n", "meshsplit-system", "--replicas=3")


def test_what_was_installed_can_be_deleted(installed: Kubectl) -> None:
    # The namespace takes with it what is in it.
    installed("delete", "--ignore-not-found", "-f", str(CONFIG / "install.yaml"))
    assert installed("get", "clusterroles,clusterrolebindings,crds", "-o", "name") == ""
    assert installed.run("get", "namespace", "meshsplit-system").returncode != 0


def test_the_namespaced_variant_needs_nothing_outside_its_namespace(installed: Kubectl) -> None:
    installed("create", "namespace", "models")
    path = str(CONFIG / "namespace-install.yaml")
    installed("apply", "-f", path)
    found = json.loads(installed("get", "-f", path, "-o", "json"))["items"]
    assert {item["metadata"]["namespace"] for item in found} == {"models"}


def test_the_policy_and_the_disvc_component_apply(installed: Kubectl) -> None:
    installed("apply", "-k", str(CONFIG / "policy"))
    assert "validatingadmissionpolicybinding" in installed("get", "-k", str(CONFIG / "policy"), "-o", "name")
    installed("apply", "-k", str(CONFIG / "disvc"))
    assert "disvc" in installed("api-resources", "--api-group=serving.kserve.io")


def test_a_wrong_sum_is_refused_in_our_words(installed: Kubectl) -> None:
    refused = installed.run("apply", "-f", "-", stdin=SPLIT.replace("20", "30"))
    assert refused.returncode == 1
    assert refused.stderr == (
        'The ModelSplit "scorer" is invalid: spec: Invalid value: '
        "members: weights add up to 110, want 100 (MSP101)\n"
    )


STATUS: dict[str, Any] = {
    "strategy": "Static",
    "canary": "scorer-green",
    "weight": "80 / 20",
    "target": "0 / 100",
    "conditions": [
        {
            "type": "Stalled",
            "status": "False",
            "reason": "Fine",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        },
        {
            "type": "Ready",
            "status": "True",
            "reason": "Steady",
            "message": "as asked",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        },
    ],
}


def test_get_prints_the_columns(installed: Kubectl) -> None:
    installed("apply", "-f", "-", stdin=SPLIT)
    patch = json.dumps({"status": STATUS})
    installed("patch", "msplit", "scorer", "--subresource=status", "--type=merge", "-p", patch)
    header, row = installed("get", "meshsplit").splitlines()
    assert header.split() == ["NAME", "STRATEGY", "READY", "STATUS", "CANARY", "WEIGHT", "AGE"]
    assert row.split()[:-1] == ["scorer", "Static", "True", "Steady", "scorer-green", "80", "/", "20"]
    wide = installed("get", "msplit", "-o", "wide").splitlines()[1]
    assert "0 / 100" in wide
    assert "as asked" in wide
    installed("wait", "msplit/scorer", "--for=condition=Ready", f"--timeout={SECONDS}s")


def test_a_wrong_status_is_refused(installed: Kubectl) -> None:
    installed("apply", "-f", "-", stdin=SPLIT)
    patch = json.dumps({"status": {"conditions": [{"type": "Ready", "status": "Maybe"}]}})
    wrong = installed.run("patch", "msplit", "scorer", "--subresource=status", "--type=merge", "-p", patch)
    assert 'supported values: "True", "False", "Unknown"' in wrong.stderr
    assert "lastTransitionTime: Required value" in wrong.stderr


def test_explain_knows_the_fields(installed: Kubectl) -> None:
    text = installed("explain", "modelsplit.spec.routing.hosts")
    assert "FIELD: hosts <[]string>" in text
    assert "Where the group is exposed" in installed("explain", "modelsplit.spec.routing")


def test_the_samples_are_accepted(installed: Kubectl) -> None:
    crds = os.environ.get("MESHSPLIT_CRDS")
    if not crds:
        pytest.skip("MESHSPLIT_CRDS names no folder with upstream CRDs")
    name = "inferenceservices.serving.kserve.io"
    installed("apply", "--server-side", "-f", f"{crds}/{name}.yaml")
    installed("wait", "--for=condition=Established", f"crd/{name}", f"--timeout={SECONDS}s")
    for namespace in ("models", "fraud"):
        installed("create", "namespace", namespace)
    installed("apply", "-k", str(CONFIG / "samples"))
    assert installed("get", "msplit", "-A", "-o", "name").split() == [
        "modelsplit.meshsplit.dev/scorer",
        "modelsplit.meshsplit.dev/mnist",
    ]


def test_the_documents_of_the_proposal_apply_unchanged_and_scale(installed: Kubectl) -> None:
    seeds = os.environ.get("MESHSPLIT_SEEDS")
    if not seeds:
        pytest.skip("MESHSPLIT_SEEDS names no folder with the proposal's documents")
    installed("apply", "-k", str(CONFIG / "disvc"))
    installed("create", "namespace", "kserve-demo")
    for name in ("rest/disvc-1", "rest/disvc-2", "grpc/disvc"):
        installed("apply", "-f", f"{seeds}/disvc-poc/{name}.yaml")
    installed("scale", "disvc/sklearn-v2-iris-rest", "-n", "kserve-demo", "--replicas=2")
    service = yaml.safe_load(
        installed("get", "disvc", "sklearn-v2-iris-rest", "-n", "kserve-demo", "-o", "yaml")
    )
    assert service["spec"]["replicas"] == 2
    assert service["spec"]["annotations"] == {"version": "v2"}
    assert service["spec"]["inferenservice"]["predictor"]["model"]["name"] == ""
    header = installed("get", "disvc", "-A").splitlines()[0].split()
    assert header == ["NAMESPACE", "NAME", "URL", "READY", "REPLICAS", "CURRENT", "PREV", "AGE"]
