"""diff, lint and render with a cluster beside the files, or instead of them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from meshsplit.cli import kinds
from meshsplit.local.apiserver.faults import Fault
from support.live import (
    EVERYTHING,
    EXAMPLE,
    ISTIO,
    KSERVE,
    PERCENT,
    Live,
    live_cluster,
    make_crd,
    make_route,
    make_split,
    write_example,
)

NAMESPACE = "modelmesh-apps"
SPLITTING = "ai-model-splitting"
ROUTES = kinds.virtual_services("v1")


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """The example in a cluster, with its routes; its files are in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLE, "example")
    with live_cluster(tmp_path, *EVERYTHING) as own:
        write_example(own)
        write_routes(own)
        yield own


def write_routes(live: Live) -> None:
    """As the controller does: what the cluster's own objects render to."""
    rendered = live.run("render", "--live")
    assert rendered.exit_code == 0, rendered.output
    for body in yaml.safe_load_all(rendered.stdout):
        live.client("meshsplit").apply(ROUTES, body)


def set_percents(first: str, second: str) -> None:
    for name, percent in (("one", first), ("two", second)):
        file = Path("example", f"ai-model-{name}.yaml")
        body = yaml.safe_load(file.read_text())
        body["metadata"]["annotations"][PERCENT] = percent
        file.write_text(yaml.safe_dump(body))


CHANGED = """\
--- live  VirtualService modelmesh-apps/ai-model-splitting
+++ plan  VirtualService modelmesh-apps/ai-model-splitting
@@ spec.http[grpc-routing].route @@
-    ai-model-one  weight 80
-    ai-model-two  weight 20
+    ai-model-one  weight 60
+    ai-model-two  weight 40
@@ metadata.annotations[meshsplit.dev/weights] @@
-    ai-model-one  weight 80
-    ai-model-two  weight 20
+    ai-model-one  weight 60
+    ai-model-two  weight 40
1 object differs, in weights only.
"""


def test_a_cluster_that_is_as_it_should_be_has_no_difference(live: Live) -> None:
    result = live.run("diff", "--live")
    assert (result.exit_code, result.stdout) == (0, "No differences in 3 objects.\n")
    assert result.stderr == "Next: meshsplit get -A\n"
    same = live.run("diff", "example", "--live")
    assert (same.exit_code, same.stderr) == (0, "Next: meshsplit lint example --live\n")


def test_files_are_compared_as_if_they_were_applied(live: Live) -> None:
    set_percents("60", "40")
    result = live.run("diff", "example", "--live")
    assert (result.exit_code, result.stdout) == (1, CHANGED)
    assert result.stderr == "Next: kubectl apply -f example\n"


def test_an_edit_in_the_cluster_that_no_controller_followed(live: Live) -> None:
    for name, percent in (("ai-model-one", "60"), ("ai-model-two", "40")):
        patch = {"metadata": {"annotations": {PERCENT: percent}}}
        live.client().patch(kinds.INFERENCE_SERVICES, NAMESPACE, name, patch)
    result = live.run("diff", "--live")
    assert (result.exit_code, result.stdout) == (1, CHANGED)
    assert result.stderr == "Next: meshsplit check\n"


def test_an_invalid_sum_leaves_what_serves_and_is_told(live: Live) -> None:
    set_percents("80", "30")
    result = live.run("diff", "example", "--live")
    assert (result.exit_code, result.stdout) == (1, "No differences in 3 objects.\n")
    assert "error MSP101 percentages of group ai-model add up to 110, not 100" in result.stderr
    assert "of the cluster, 1 group: 1 error" in result.stderr
    assert result.stderr.endswith("Explain one: meshsplit explain MSP101\n")


def test_a_hand_on_the_route_is_a_difference_in_the_order_of_the_plan(live: Live) -> None:
    edit = {"spec": {"hosts": ["x.example.com"]}}
    live.client("kubectl-edit").patch(ROUTES, NAMESPACE, SPLITTING, edit)
    result = live.run("diff", "--live")
    assert result.exit_code == 1
    changed = [line for line in result.stdout.splitlines() if line.startswith(("-  ", "+  "))]
    assert changed == ["-  - x.example.com", '+  - "*"']


def test_labels_that_others_put_on_the_route_are_none(live: Live) -> None:
    label = {"metadata": {"labels": {"team": "x"}, "annotations": {"team": "x"}}}
    live.client("kubectl-label").patch(ROUTES, NAMESPACE, SPLITTING, label)
    assert live.run("diff", "--live").exit_code == 0


def test_a_route_whose_group_is_gone_would_be_removed(live: Live) -> None:
    for name in ("ai-model-one", "ai-model-two"):
        live.client().delete(kinds.INFERENCE_SERVICES, NAMESPACE, name)
    # The embedded server collects what they owned, so one is written anew, without an owner.
    leftover = make_route("left-splitting", NAMESPACE)
    live.write(ROUTES, leftover, "meshsplit")
    result = live.run("diff", "--live")
    assert result.exit_code == 1
    assert f"--- live  VirtualService {NAMESPACE}/left-splitting    would be removed\n" in result.stdout


def test_a_foreign_route_is_refused_and_not_compared(live: Live) -> None:
    live.client().patch(
        ROUTES, NAMESPACE, SPLITTING, {"metadata": {"labels": {"app.kubernetes.io/managed-by": "helm"}}}
    )
    result = live.run("diff", "--live")
    assert result.exit_code == 1
    assert "error MSP301" in result.stderr


def test_one_namespace_is_compared_alone(live: Live) -> None:
    live.client("x").patch(ROUTES, NAMESPACE, SPLITTING, {"spec": {"hosts": ["x.example.com"]}})
    assert live.run("diff", "--live", "-n", NAMESPACE).exit_code == 1
    other = live.run("diff", "--live", "-n", "istio-system")
    assert (other.exit_code, other.stdout) == (0, "No differences in 0 objects.\n")


def test_who_may_read_one_namespace_names_it_and_is_told_what_is_not_seen(live: Live) -> None:
    everywhere = r"/v1(beta1)?/(inferenceservices|virtualservices)$"
    live.faults.add(Fault(path=everywhere, code=403, times=0))
    refused = live.run("diff", "--live")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "you may not list inferenceservices.serving.kserve.io in all namespaces" in refused.stderr
    result = live.run("diff", "--live", "-n", NAMESPACE)
    assert (result.exit_code, result.stdout) == (0, "No differences in 3 objects.\n")
    assert f"note: only namespace {NAMESPACE} was read of inferenceservices, virtualservices" in result.stderr


def test_objects_that_name_no_namespace_are_where_kubectl_would_put_them(live: Live) -> None:
    for file in Path("example").glob("ai-model-*.yaml"):
        body = yaml.safe_load(file.read_text())
        del body["metadata"]["namespace"]
        file.write_text(yaml.safe_dump(body))
    set_percents("60", "40")
    named = live.run("diff", "example", "--live", "-n", NAMESPACE)
    assert (named.exit_code, named.stdout) == (1, CHANGED)
    assert named.stderr == f"Next: kubectl apply -f example -n {NAMESPACE}\n"
    config = yaml.safe_load(live.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = NAMESPACE
    live.kubeconfig.write_text(yaml.safe_dump(config))
    assert live.run("diff", "example", "--live").stdout == CHANGED


def test_the_report_and_the_unified_form(live: Live) -> None:
    set_percents("60", "40")
    report = json.loads(live.run("diff", "example", "--live", "-o", "json").stdout)
    assert report["summary"] == {"compared": 3, "differ": 1, "weightsOnly": 1}
    unified = live.run("diff", "example", "--live", "-o", "unified")
    assert unified.stdout.startswith(f"--- live  VirtualService {NAMESPACE}/{SPLITTING}\n+++ plan  ")
    assert '-    meshsplit.dev/weights: "ai-model-one=80,ai-model-two=20"' in unified.stdout


def test_a_plan_of_the_cluster_knows_what_is_written_already_and_what_would_be_walked(live: Live) -> None:
    assert "Plan: 0 to create, 0 to change, 0 to delete." in live.run("plan", "--live").stdout
    spec = {"modelTag": "ai-model", "stableMember": "ai-model-one"}
    strategy = {"canary": {"stepWeights": [30]}}
    live.write(kinds.MODEL_SPLITS, make_split("ai-model", NAMESPACE, {**spec, "strategy": strategy}))
    assert "canary from ai-model-one to ai-model-two" in live.run("plan", "--live").stdout
    live.client().delete(ROUTES, NAMESPACE, SPLITTING)
    assert "Plan: 1 to create" in live.run("plan", "--live").stdout


def test_lint_of_a_cluster_finds_what_lint_of_files_does(live: Live) -> None:
    clean = live.run("lint", "--live")
    assert clean.exit_code == 0
    assert clean.stdout.startswith("Checked 0 documents in 0 files and ")
    patch = {"metadata": {"annotations": {PERCENT: "30"}}}
    live.client().patch(kinds.INFERENCE_SERVICES, NAMESPACE, "ai-model-two", patch)
    wrong = live.run("lint", "--live")
    assert wrong.exit_code == 1
    assert wrong.stdout.startswith("InferenceService modelmesh-apps/ai-model-two: error MSP101 ")
    ignore = {"metadata": {"annotations": {"meshsplit.dev/ignore": "MSP101"}}}
    live.client().patch(kinds.INFERENCE_SERVICES, NAMESPACE, "ai-model-two", ignore)
    assert live.run("lint", "--live").exit_code == 0


def test_lint_of_files_sees_collisions_with_the_cluster(live: Live, tmp_path: Path) -> None:
    files = tmp_path / "new"
    files.mkdir()
    text = (EXAMPLE / "ai-model-one.yaml").read_text().replace('"80"', '"100"')
    (files / "new.yaml").write_text(text.replace("ai-model", "fresh"))
    blocking = make_route("fresh-splitting", NAMESPACE)
    blocking["metadata"]["labels"] = {}
    live.write(ROUTES, blocking, "helm")
    assert "MSP301" not in live.run("lint", str(files)).output
    result = live.run("lint", str(files), "--live")
    assert "MSP301" in result.output
    assert result.exit_code == 1


def test_a_cluster_with_the_older_istio_is_compared_at_the_version_of_the_settings(tmp_path: Path) -> None:
    old = [make_crd(kinds.virtual_services("v1"), "v1beta1"), make_crd(kinds.gateways("v1"), "v1beta1")]
    with live_cluster(tmp_path, *KSERVE, *old) as live:
        write_example(live, "v1beta1")
        for body in yaml.safe_load_all(live.run("render", "--live").stdout):
            old_body = {**body, "apiVersion": "networking.istio.io/v1beta1"}
            live.client("meshsplit").apply(kinds.virtual_services("v1beta1"), old_body)
        assert live.run("diff", "--live").stdout == "No differences in 3 objects.\n"


def test_without_kserve_or_istio_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with live_cluster(tmp_path, *ISTIO) as live:
        result = live.run("diff", "--live")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "the cluster does not know inferenceservices.serving.kserve.io" in result.stderr
