"""The real kubectl works on the embedded API server."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kubectl import SECONDS, Kubectl, need_kubectl, serving
from support.widgets import WIDGET_CRD

WIDGET = """\
apiVersion: example.dev/v1
kind: Widget
metadata: {name: a, labels: {tier: gold}}
spec: {size: 3, members: [{name: one, weight: 80}]}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: x}, ports: [{name: http, port: 80}]}
"""

pytestmark = pytest.mark.xdist_group("kubectl")


@pytest.fixture(scope="module", autouse=True)
def _kubectl() -> None:
    need_kubectl()


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Kubectl]:
    with serving(tmp_path) as client:
        client("create", "-f", "-", stdin=json.dumps(WIDGET_CRD))
        client("wait", "--for=condition=Established", "crd/widgets.example.dev", f"--timeout={SECONDS}s")
        yield client


def test_apply_creates_leaves_alone_and_changes(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=WIDGET) == "widget.example.dev/a created\n"
    assert kubectl("apply", "-f", "-", stdin=WIDGET) == "widget.example.dev/a unchanged\n"
    assert kubectl("apply", "-f", "-", stdin=WIDGET.replace("3", "4")) == "widget.example.dev/a configured\n"
    assert kubectl("get", "widget", "a", "-o", "jsonpath={.spec.size} {.metadata.generation}") == "4 2"


def test_apply_of_built_in_kinds_merges_strategically(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=CONFIG)
    kubectl(
        "apply",
        "-f",
        "-",
        stdin=CONFIG.replace("colour: red", "shape: round").replace("port: 80", "port: 81"),
    )
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == '{"shape":"round"}'
    assert kubectl("get", "svc", "front", "-o", "jsonpath={.spec.ports[*].port}") == "81"


def test_apply_server_side_refuses_what_another_manager_owns(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=WIDGET)
    other = WIDGET.replace("size: 3", "size: 5")
    refused = kubectl.run("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=other)
    assert refused.returncode != 0
    assert 'conflict with "one": .spec.size' in refused.stderr
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=other)
    assert kubectl("get", "wg", "a", "-o", "jsonpath={.spec.size}") == "5"


def test_get_prints_the_columns_of_the_kind(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WIDGET)
    kubectl("patch", "wg", "a", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Up"}}')
    header, row = kubectl("get", "wg", "-L", "tier").splitlines()
    assert header.split() == ["NAME", "SIZE", "PHASE", "AGE", "TIER"]
    assert [row.split()[i] for i in (0, 1, 2, 4)] == ["a", "3", "Up", "gold"]
    assert kubectl("get", "demo", "-A", "-o", "name") == "widget.example.dev/a\n"
    assert kubectl("get", "wg", "-l", "tier=silver", "-o", "name") == ""


def test_get_watch_prints_every_change(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WIDGET)
    watching = subprocess.Popen(
        ["kubectl", "get", "wg", "-w"], env=kubectl.environment, stdout=subprocess.PIPE, text=True
    )
    alarm = threading.Timer(SECONDS, watching.kill)
    alarm.start()
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().split()[0] == "NAME"
        assert watching.stdout.readline().split()[:2] == ["a", "3"]
        kubectl("patch", "wg", "a", "--type=merge", "-p", '{"spec":{"size":9}}')
        assert watching.stdout.readline().split()[:2] == ["a", "9"]
        kubectl("delete", "wg", "a")
        assert watching.stdout.readline().split()[:2] == ["a", "9"]
    finally:
        alarm.cancel()
        watching.kill()
        watching.wait()


def test_describe_shows_the_object_and_its_events(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WIDGET)
    uid = kubectl("get", "wg", "a", "-o", "jsonpath={.metadata.uid}")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "a.1"},
        "involvedObject": {"kind": "Widget", "name": "a", "namespace": "default", "uid": uid},
        "reason": "Grown",
        "message": "it is larger now",
        "type": "Normal",
    }
    kubectl("create", "-f", "-", stdin=json.dumps(event))
    described = kubectl("describe", "wg", "a")
    assert "tier=gold" in described
    assert "it is larger now" in described
    assert "Active" in kubectl("describe", "ns", "default")


def test_annotate_and_label(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WIDGET)
    kubectl("annotate", "wg", "a", "example.dev/percent=20")
    kubectl("annotate", "wg", "a", "example.dev/percent=30", "--overwrite")
    kubectl("label", "wg", "a", "mesh=on", "tier-")
    kubectl("label", "ns", "default", "mesh=on")
    metadata = json.loads(kubectl("get", "wg", "a", "-o", "json"))["metadata"]
    assert metadata["annotations"]["example.dev/percent"] == "30"
    assert metadata["labels"] == {"mesh": "on"}
    assert kubectl("get", "ns", "-l", "mesh=on", "-o", "name") == "namespace/default\n"


def test_wait_and_scale(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WIDGET)
    waiting = subprocess.Popen(
        ["kubectl", "wait", "wg/a", "--for=jsonpath={.status.phase}=Up", f"--timeout={SECONDS}s"],
        env=kubectl.environment,
    )
    kubectl("patch", "wg", "a", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Up"}}')
    assert waiting.wait(SECONDS) == 0
    kubectl("scale", "wg/a", "--replicas=3")
    assert kubectl("get", "wg", "a", "-o", "jsonpath={.spec.replicas}") == "3"


def test_delete_waits_until_it_is_gone(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WIDGET)
    kubectl("delete", "wg", "a")
    assert kubectl.run("get", "wg", "a").returncode != 0


def test_a_namespace_goes_with_what_is_in_it(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "other")
    kubectl("apply", "-n", "other", "-f", "-", stdin=WIDGET)
    kubectl("delete", "ns", "other")
    assert kubectl("get", "wg", "-A", "-o", "name") == ""


def test_a_refusal_names_the_field(kubectl: Kubectl) -> None:
    refused = kubectl.run("apply", "-f", "-", stdin=WIDGET.replace("size: 3", "size: 300"))
    assert "spec.size" in refused.stderr
    assert "less than or equal to 100" in refused.stderr
    unknown = kubectl.run("apply", "-f", "-", stdin=WIDGET.replace("size: 3", "sise: 3"))
    assert 'unknown field "spec.sise"' in unknown.stderr


def test_diff_and_explain(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WIDGET)
    differing = kubectl.run("diff", "-f", "-", stdin=WIDGET.replace("size: 3", "size: 4"))
    assert differing.returncode == 1
    assert "+  size: 4" in differing.stdout
    assert kubectl("get", "wg", "a", "-o", "jsonpath={.spec.size}") == "3"
    assert "How large it is" in kubectl("explain", "widget.spec.size")


def test_upstream_crds_are_served(kubectl: Kubectl) -> None:
    folder = os.environ.get("MESHSPLIT_CRDS")
    if not folder:
        pytest.skip("MESHSPLIT_CRDS names no folder with upstream CRDs")
    kubectl("apply", "--server-side", "-f", folder)
    assert "virtualservices" in kubectl("api-resources", "--api-group=networking.istio.io")
    service = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris}
spec: {predictor: {model: {modelFormat: {name: sklearn}, storageUri: "s3://models/iris"}}}
"""
    kubectl("apply", "-f", "-", stdin=service)
    assert kubectl("get", "isvc", "-o", "name") == "inferenceservice.serving.kserve.io/iris\n"
    routes = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: iris}
spec: {hosts: ["a.org", "b.org"], gateways: [mesh], http: [{route: [{destination: {host: iris}}]}]}
"""
    kubectl("apply", "-f", "-", stdin=routes)
    row = kubectl("get", "vs", "iris").splitlines()[1].split()
    assert row[:3] == ["iris", '["mesh"]', '["a.org","b.org"]']
