"""`meshsplit local` as a cluster: the real kubectl changes it, and a real Envoy follows."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshsplit.local.traffic import Tally, send_grpc, send_rest
from support.kubectl import Kubectl, need_kubectl
from support.load import ask, constant_load, infer_path
from support.local_mesh import EXAMPLES, START_SECONDS, LocalMesh, local_mesh, started, wait_for
from support.shares import assert_shares

WALK_THROUGH = EXAMPLES / "walk-through"
CANARY = EXAMPLES / "modelmesh-canary"
PATH = infer_path("modelmesh-apps", "ai-model")
BODY = b'{"inputs": []}'
PERCENT = "serving.kserve.io/canaryTrafficPercent"
TAG = "serving.kserve.io/model-tag"
READY = "local.meshsplit.dev/ready"
# What a change may take on a busy machine; it takes a fraction of a second.
SECONDS = 60.0
# Longer than a model that has left goes on answering.
DRAINED_SECONDS = 70.0
CURLS = 400


@pytest.fixture(scope="module", autouse=True)
def _kubectl() -> None:
    need_kubectl()


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[LocalMesh]:
    with local_mesh(CANARY, tmp_path) as mesh:
        yield mesh


@pytest.fixture
def kubectl(canary: LocalMesh, tmp_path: Path) -> Kubectl:
    return Kubectl(canary.kubeconfig, tmp_path)


def read_seed() -> str:
    folder = os.environ.get("MESHSPLIT_SEEDS")
    if not folder:
        assert "CI" not in os.environ, "CI must have the seeds"
        pytest.skip("MESHSPLIT_SEEDS is not set")
    return (Path(folder) / "modelmesh-traffic-splitting.md").read_text()


def blocks_of(document: str, language: str, word: str) -> list[str]:
    """The fenced blocks of a language that hold a word, in order."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", document, re.S)
    return [block for block in found if word in block]


def test_the_walk_through_works_as_its_document_prints_it(tmp_path: Path) -> None:
    document = read_seed()
    (gateway,) = blocks_of(document, "yaml", "kind: Gateway")
    lines = [b for b in blocks_of(document, "shell", "kubectl ") if "port-forward" not in b]
    (call,) = blocks_of(document, "shell", "curl -X POST")
    assert len(lines) == 5
    shutil.copy(EXAMPLES / "payloads" / "rest-input.json", tmp_path)
    with local_mesh(WALK_THROUGH, tmp_path) as mesh:
        kubectl = Kubectl(mesh.kubeconfig, tmp_path)
        # The document's own gateway, under the names that its annotations stand for.
        kubectl("create", "namespace", "gateway-namespace-name")
        named = gateway.replace("name: odh-gateway", "name: gateway-resource-name")
        assert named != gateway
        kubectl("apply", "-n", "gateway-namespace-name", "-f", "-", stdin=named)
        for block in lines:
            kubectl.script(block, tmp_path, my_serving_runtime="mlserver-1.x")
        wait_for(lambda: "ai-model-two=20" in mesh.log.read_text(), SECONDS, "the split")
        curl = call.replace("PORT=8080", f"PORT={mesh.port}").replace("curl ", "curl -sSf ")

        def call_by_curl() -> Tally:
            answers = kubectl.script(f"for _ in $(seq {CURLS}); do\n{curl}\necho\ndone", tmp_path)
            members = Counter(re.findall(r'"model_name": ?"([^"]*)"', answers))
            return Tally(tuple(members.items()), CURLS - members.total())

        assert_shares(call_by_curl, {"ai-model-one": 80, "ai-model-two": 20})
        assert_shares(
            lambda: send_grpc(mesh.url, "ai-model", 3_000), {"ai-model-one": 80, "ai-model-two": 20}
        )


def test_every_change_by_kubectl_serves_and_fails_nothing(canary: LocalMesh, kubectl: Kubectl) -> None:
    with constant_load(canary.url, PATH) as load:
        wait_for(lambda: load.last(200) == {"ai-model-one", "ai-model-two"}, SECONDS, "both members")
        kubectl("annotate", "--overwrite", "isvc", "ai-model-one", f"{PERCENT}=0")
        kubectl("annotate", "--overwrite", "isvc", "ai-model-two", f"{PERCENT}=100")
        wait_for(lambda: load.last(200) == {"ai-model-two"}, SECONDS, "0/100")
        kubectl("label", "isvc", "ai-model-two", f"{TAG}-")
        wait_for(lambda: load.last(200) == {"ai-model-one"}, SECONDS, "the one that is left")
        kubectl("label", "isvc", "ai-model-two", f"{TAG}=ai-model")
        wait_for(lambda: load.last(200) == {"ai-model-two"}, SECONDS, "0/100 again")
        kubectl("delete", "isvc", "ai-model-two")
        wait_for(lambda: load.last(200) == {"ai-model-one"}, SECONDS, "the survivor")
        assert load.failures == []


def test_a_member_with_a_service_of_its_own_leaves_without_a_failure(tmp_path: Path) -> None:
    host = {"Host": "iris-iris-apps.example.com"}
    with local_mesh(EXAMPLES / "standard-mode", tmp_path) as mesh:
        kubectl = Kubectl(mesh.kubeconfig, tmp_path)
        with constant_load(mesh.url, "/v2/models/iris/infer", headers=host) as load:
            wait_for(lambda: load.last(200) == {"iris-one", "iris-two"}, SECONDS, "both members")
            kubectl("delete", "isvc", "iris-one")
            wait_for(lambda: load.last(200) == {"iris-two"}, SECONDS, "the survivor")
            gone = ("wait", "svc/iris-one-predictor", "--for=delete", "--timeout=60s")
            kubectl(*gone)
            seen = len(load.members)
            wait_for(lambda: len(load.members) > seen + 200, SECONDS, "200 more answers")
            assert load.failures == []


def test_the_columns_of_a_model_split_tell_its_state(canary: LocalMesh, kubectl: Kubectl) -> None:
    columns = ("jsonpath={.status.weight} {.status.conditions[?(@.type=='Ready')].reason}",)
    kubectl("wait", "msplit/ai-model", "--for=condition=Ready", "--timeout=60s")
    assert kubectl("get", "msplit", "ai-model", "-o", *columns) == "80 / 20 Steady"
    head, row = kubectl("get", "msplit").splitlines()
    assert head.split()[:2] == ["NAME", "STRATEGY"]
    assert "80 / 20" in row
    assert "Steady" in row
    assert "True" in kubectl("get", "isvc", "ai-model-one")
    assert "ai-model-one=80,ai-model-two=20" in kubectl("get", "vs", "ai-model-splitting")
    assert "8033" in kubectl("get", "svc", "modelmesh-serving", "-o", "jsonpath={.spec.ports[*].port}")


def test_a_model_that_does_not_load_gets_no_traffic(tmp_path: Path) -> None:
    with local_mesh(WALK_THROUGH, tmp_path) as mesh:
        kubectl = Kubectl(mesh.kubeconfig, tmp_path)
        kubectl("annotate", "isvc", "ai-model-two", f"{READY}=false")
        kubectl("wait", "isvc/ai-model-two", "--for=condition=Ready=false", "--timeout=60s")
        for key, value in (("gateway-namespace", "istio-system"), ("gateway-name", "odh-gateway")):
            kubectl("annotate", "ns", "modelmesh-apps", f"maistra.io/{key}={value}")
        kubectl("annotate", "servingruntime", "mlserver-1.x", "enable-route=true")
        kubectl("label", "ns", "modelmesh-apps", "opendatahub.io/service-mesh=true")
        for name, percent in (("ai-model-one", "80"), ("ai-model-two", "20")):
            kubectl("annotate", "isvc", name, f"{PERCENT}={percent}")
        kubectl("label", "isvc", "ai-model-one", "ai-model-two", f"{TAG}=ai-model")
        wait_for(lambda: ask(mesh.url, PATH)[0] == 200, SECONDS, "the group's routes")
        wait_for(lambda: "ai-model-two=0" in mesh.log.read_text(), SECONDS, "the share that is held back")
        assert send_rest(mesh.url, PATH, BODY, 500) == Tally((("ai-model-one", 500),), 0)
        reason = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}"
        wait_for(
            lambda: kubectl("get", "msplit", "ai-model", "-o", reason) == "MemberNotReady", SECONDS, "status"
        )
        kubectl("annotate", "--overwrite", "isvc", "ai-model-two", f"{READY}=true")
        wait_for(lambda: "ai-model-two=20" in mesh.log.read_text(), SECONDS, "the whole split")
        assert_shares(
            lambda: send_rest(mesh.url, PATH, BODY, 3_000), {"ai-model-one": 80, "ai-model-two": 20}
        )


def test_a_model_that_leaves_answers_until_it_has_drained(canary: LocalMesh, kubectl: Kubectl) -> None:
    kubectl("annotate", "isvc", "ai-model-two", f"{READY}=false")
    kubectl("wait", "isvc/ai-model-two", "--for=condition=Ready=false", "--timeout=60s")
    own = infer_path("modelmesh-apps", "ai-model-two")
    assert ask(canary.url, own)[0] == 200
    wait_for(lambda: ask(canary.url, own)[0] == 404, DRAINED_SECONDS, "the end of the drain")


def test_edits_of_the_folder_leave_what_kubectl_added(canary: LocalMesh, kubectl: Kubectl) -> None:
    kubectl("annotate", "isvc", "ai-model-one", "team=vision")
    kubectl("annotate", "--overwrite", "isvc", "ai-model-two", f"{PERCENT}=40")
    canary.edit("ai-model-one.yaml", '"80"', '"60"')
    wait_for(lambda: "ai-model-one=60,ai-model-two=40" in canary.log.read_text(), SECONDS, "60/40")
    annotations = kubectl("get", "isvc", "ai-model-one", "-o", "jsonpath={.metadata.annotations}")
    assert '"team":"vision"' in annotations
    (canary.folder / "ai-model-two.yaml").unlink()
    kubectl("wait", "isvc/ai-model-two", "--for=delete", "--timeout=60s")


def test_a_restart_keeps_what_kubectl_did(tmp_path: Path) -> None:
    with local_mesh(CANARY, tmp_path) as mesh:
        kubectl = Kubectl(mesh.kubeconfig, tmp_path)
        for name in ("ai-model-one", "ai-model-two"):
            kubectl("annotate", "--overwrite", "isvc", name, f"{PERCENT}=50")
        kubectl("create", "configmap", "kept", "--from-literal=a=b")
        wait_for(lambda: "ai-model-one=50" in mesh.log.read_text(), SECONDS, "50/50")
        uid = kubectl("get", "isvc", "ai-model-one", "-o", "jsonpath={.metadata.uid}")
    with local_mesh(CANARY, tmp_path) as mesh:
        kubectl = Kubectl(mesh.kubeconfig, tmp_path)
        assert kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}") == "b"
        assert kubectl("get", "isvc", "ai-model-one", "-o", "jsonpath={.metadata.uid}") == uid
        assert_shares(
            lambda: send_rest(mesh.url, PATH, BODY, 3_000), {"ai-model-one": 50, "ai-model-two": 50}
        )
        mesh.edit("ai-model-one.yaml", '"80"', '"70"')
        mesh.edit("ai-model-two.yaml", '"20"', '"30"')
        wait_for(lambda: "ai-model-one=70,ai-model-two=30" in mesh.log.read_text(), SECONDS, "70/30")


def test_an_object_that_cannot_be_served_is_said_once_and_the_rest_goes_on(
    canary: LocalMesh, kubectl: Kubectl
) -> None:
    route = {"destination": {"host": "modelmesh-serving"}}
    strange = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "strange"},
        "spec": {"hosts": ["strange.example"], "http": [{"route": [route], "corsPolicy": {}}]},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(strange))
    wait_for(lambda: "VirtualService modelmesh-apps/strange" in canary.log.read_text(), SECONDS, "a word")
    for name in ("ai-model-one", "ai-model-two"):
        kubectl("annotate", "--overwrite", "isvc", name, f"{PERCENT}=50")
    wait_for(lambda: "ai-model-one=50,ai-model-two=50" in canary.log.read_text(), SECONDS, "50/50")
    assert_shares(lambda: send_rest(canary.url, PATH, BODY, 3_000), {"ai-model-one": 50, "ai-model-two": 50})
    assert canary.log.read_text().count("modelmesh-apps/strange") == 1


def test_what_the_cluster_refuses_is_said_with_its_place(canary: LocalMesh, kubectl: Kubectl) -> None:
    (canary.folder / "quota.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not-A-Name}\n"
    )
    wait_for(lambda: "quota.yaml:1: error" in canary.log.read_text(), SECONDS, "the refusal")
    assert send_rest(canary.url, PATH, BODY, 100).failed == 0
    (canary.folder / "quota.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a-name}\n")
    wait_for(lambda: kubectl.run("get", "cm", "a-name", "-n", "default").returncode == 0, SECONDS, "it")


def test_a_second_mesh_in_one_folder_is_refused(canary: LocalMesh, tmp_path: Path) -> None:
    (tmp_path / "local.log").rename(tmp_path / "first.log")
    with started(CANARY, "--gateway-port", "0", cwd=tmp_path) as second:
        assert second.wait(START_SECONDS) == 2
    said = (tmp_path / "local.log").read_text()
    assert "another meshsplit local" in said
    assert "Traceback" not in said
