"""check on clusters that lack one thing each."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meshsplit.api.crd import make_modelsplit_crd
from meshsplit.cli import kinds
from meshsplit.cli.doctor.platform import CLOCK_SKEW_SECONDS, judge_lease, judge_version
from meshsplit.cli.doctor.verdict import Level
from meshsplit.kserve import keys
from meshsplit.local.apiserver.faults import Fault
from support.live import (
    EVERYTHING,
    Live,
    live_cluster,
    make_condition,
    make_crd,
    make_member,
    make_namespace,
    make_split,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AMBIENT = "istio.io/dataplane-mode"
WAYPOINT = "istio.io/use-waypoint"
CONFIG = {"metadata": {"name": "inferenceservice-config", "namespace": "kserve"}}


def make_other_crd(*, without: str = "", beside: str = "") -> dict[str, Any]:
    """The CRD of another version: without a field of `routing`, or with one more of `spec`."""
    crd = copy.deepcopy(make_modelsplit_crd())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields = schema["properties"]["spec"]["properties"]
    if without:
        del fields["routing"]["properties"][without]
    if beside:
        fields[beside] = {"type": "string"}
    return crd


def write_lease(live: Live, renewed: datetime, holder: str = "meshsplit-0") -> None:
    times = {"renewTime": renewed.isoformat().replace("+00:00", "Z"), "leaseDurationSeconds": 15}
    body = {"metadata": {"name": "meshsplit", "namespace": "meshsplit-system"}}
    live.write(kinds.LEASES, {**body, "spec": {"holderIdentity": holder, **times}})


def make_deployment(name: str, namespace: str, ready: int, **labels: str) -> dict[str, Any]:
    container = {"image": "docker.io/istio/pilot:1.27.0@sha256:0"}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [container]}}},
        "status": {"readyReplicas": ready},
    }


@pytest.fixture
def healthy(tmp_path: Path) -> Iterator[Live]:
    """A cluster in which nothing is wrong, with the group models/mnist."""
    with live_cluster(tmp_path, *EVERYTHING) as live:
        for namespace in ("istio-system", "meshsplit-system", "kserve"):
            live.write(kinds.NAMESPACES, make_namespace(namespace))
        models = make_namespace("models", **{keys.MESH_SWITCH: "true"})
        models["metadata"]["annotations"] = {
            keys.GATEWAY_NAMESPACE: "istio-system",
            keys.GATEWAY_NAME: "odh",
        }
        live.write(kinds.NAMESPACES, models)
        live.write(kinds.gateways("v1"), {"metadata": {"name": "odh", "namespace": "istio-system"}})
        live.write(kinds.DEPLOYMENTS, make_deployment("istiod", "istio-system", 1, app="istiod"))
        live.write(kinds.INFERENCE_SERVICES, make_member("mnist-v1", "mnist", "100"))
        ready = [make_condition("Ready", reason="Steady")]
        live.write(kinds.MODEL_SPLITS, make_split("mnist", observedGeneration=1, conditions=ready))
        write_lease(live, datetime.now(UTC))
        yield live


def check(live: Live, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the verdicts that are not ok."""
    result = live.run("check", "-o", "json", *words)
    verdicts = json.loads(result.stdout)["checks"]
    return result.exit_code, [verdict for verdict in verdicts if verdict["level"] != "ok"]


def only(live: Live, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the one verdict that is not ok."""
    code, verdicts = check(live, *words)
    assert len(verdicts) == 1, verdicts
    return code, verdicts[0]


def test_a_healthy_cluster_passes(healthy: Live) -> None:
    result = healthy.run("check")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "cluster",
        "  ✔ Kubernetes v1.36.0-meshsplit, which has the CEL functions of the ModelSplit CRD",
        "meshsplit",
        "  ✔ ModelSplit CRD v1alpha1 installed, with the fields of this client",
        "  ✔ the controller is alive: meshsplit-0 holds Lease meshsplit-system/meshsplit",
        "  ✔ 1 ModelSplit, none of which wants attention",
        "istio",
        "  ✔ Istio's API is served as v1, v1beta1",
        "  ✔ istiod 1.27.0 in istio-system is ready",
        "  ✔ the gateways that are named exist: istio-system/odh",
        "kserve",
        "  ✔ InferenceService v1beta1 is served; 1 of 1 carry a model-tag, in 1 group",
        "Result: all 8 checks passed",
        "Next: meshsplit get -A",
    ]


def test_an_empty_cluster_fails_once_for_each_thing_it_lacks(tmp_path: Path) -> None:
    with live_cluster(tmp_path) as live:
        result = live.run("check", "--ascii")
        code, verdicts = check(live)
    assert (result.exit_code, code) == (1, 1)
    assert result.stdout.isascii()
    assert "  x failure: the CRD modelsplits.meshsplit.dev is not installed\n" in result.stdout
    assert result.stdout.splitlines()[-2:] == [
        "Result: 4 failures, 2 warnings",
        "Next: meshsplit check    # after the fix",
    ]
    failures = [verdict["text"] for verdict in verdicts if verdict["level"] == "failure"]
    assert len(failures) == len(set(failures)) == 4
    assert all(verdict["fix"] for verdict in verdicts)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"without": "hosts"}, "is older than this client: it lacks routing.hosts"),
        ({"beside": "shiny"}, "is newer than this client: it has shiny"),
    ],
)
def test_a_crd_of_another_version_is_a_warning(healthy: Live, changes: dict[str, str], text: str) -> None:
    spec = {"spec": make_other_crd(**changes)["spec"]}
    healthy.client().patch(kinds.CRDS, "", "modelsplits.meshsplit.dev", spec)
    code, verdict = only(healthy)
    assert (code, verdict["level"]) == (0, "warning")
    assert verdict["text"].endswith(text)


def test_a_controller_that_stopped_is_a_failure(healthy: Live) -> None:
    write_lease(healthy, datetime.now(UTC) - timedelta(hours=1))
    code, verdict = only(healthy)
    assert (code, verdict["section"]) == (1, "meshsplit")
    assert verdict["text"].startswith("the controller is gone: meshsplit-0 renewed Lease")


def test_a_controller_without_a_lease_is_known_by_its_work(healthy: Live) -> None:
    healthy.client().delete(kinds.LEASES, "meshsplit-system", "meshsplit")
    code, verdict = only(healthy)
    assert (code, verdict["level"]) == (0, "warning")
    assert "though ModelSplits have a status" in verdict["text"]
    healthy.client().delete(kinds.MODEL_SPLITS, "models", "mnist")
    code, verdict = only(healthy)
    assert (code, verdict["level"]) == (1, "failure")
    assert verdict["text"].startswith("no controller: namespace meshsplit-system has neither a Lease")


def test_pods_of_the_controller_are_looked_at(healthy: Live) -> None:
    labels = {"app.kubernetes.io/name": "meshsplit"}
    name = ("meshsplit", "meshsplit-system")
    healthy.write(kinds.DEPLOYMENTS, make_deployment(*name, 1, **labels))
    code, verdict = only(healthy)
    assert (code, verdict["level"]) == (0, "warning")
    assert verdict["text"] == "Deployment meshsplit-system/meshsplit has 1 of 2 pods ready"
    healthy.write(kinds.DEPLOYMENTS, make_deployment(*name, 0, **labels))
    assert only(healthy)[0] == 1


@pytest.mark.parametrize(
    ("spec", "age", "level"),
    [
        ({"holderIdentity": "a", "leaseDurationSeconds": 15}, 10.0, Level.OK),
        ({"holderIdentity": "a", "leaseDurationSeconds": 15}, 15 + CLOCK_SKEW_SECONDS, Level.OK),
        ({"holderIdentity": "a", "leaseDurationSeconds": 15}, 16 + CLOCK_SKEW_SECONDS, Level.FAILURE),
        ({"holderIdentity": "", "leaseDurationSeconds": 1}, 0.0, Level.FAILURE),
        ({"holderIdentity": "a"}, 0.0, Level.FAILURE),
    ],
)
def test_a_lease_is_alive_as_long_as_clocks_may_differ(
    spec: dict[str, Any], age: float, level: Level
) -> None:
    renewed = (NOW - timedelta(seconds=age)).isoformat()
    assert judge_lease({**spec, "renewTime": renewed}, "ns/a", NOW).level is level


def test_splits_that_want_attention_are_named(healthy: Live) -> None:
    bad = [make_condition("Ready", "False", "Invalid")]
    healthy.write(kinds.MODEL_SPLITS, make_split("mnist", conditions=bad))
    code, verdict = only(healthy)
    assert code == 0
    assert verdict["text"] == "1 of 1 ModelSplit in need of attention: models/mnist"


def test_a_gateway_that_is_named_must_exist(healthy: Live) -> None:
    spec = {"modelTag": "mnist", "routing": {"gateways": ["own", "istio-system/odh"]}}
    healthy.client().patch(kinds.MODEL_SPLITS, "models", "mnist", {"spec": spec})
    code, verdict = only(healthy)
    assert (code, verdict["code"]) == (1, "MSP303")
    assert verdict["text"] == "the gateway models/own does not exist; ModelSplit models/mnist names it"
    assert healthy.run("check").stdout.endswith("Next: meshsplit explain MSP303\n")


def test_istio_of_the_older_version_only_is_a_warning(tmp_path: Path) -> None:
    old = [make_crd(each, "v1beta1") for each in (kinds.virtual_services("v1"), kinds.gateways("v1"))]
    with live_cluster(tmp_path, *old) as live:
        _, verdicts = check(live)
    (verdict,) = [each for each in verdicts if each["text"].startswith("Istio's API")]
    assert verdict["level"] == "warning"
    assert verdict["fix"] == "set istioApiVersion: networking.istio.io/v1beta1 in the settings"


def test_istiod_without_a_pod_is_a_failure(healthy: Live) -> None:
    healthy.write(kinds.DEPLOYMENTS, make_deployment("istiod", "istio-system", 0, app="istiod"))
    code, verdict = only(healthy)
    assert (code, verdict["text"]) == (
        1,
        "istiod 1.27.0 in istio-system has no ready pod, so no route is pushed",
    )


def enroll(live: Live, **labels: str) -> None:
    live.client().patch(
        kinds.NAMESPACES, "", "models", {"metadata": {"labels": {AMBIENT: "ambient", **labels}}}
    )


def test_an_ambient_namespace_needs_a_waypoint(healthy: Live) -> None:
    enroll(healthy)
    code, verdict = only(healthy)
    assert (code, verdict["level"], verdict["code"]) == (0, "warning", "MSP703")
    assert verdict["fix"] == "istioctl waypoint apply -n models --enroll-namespace"
    enroll(healthy, **{WAYPOINT: "none"})
    assert only(healthy)[1]["code"] == "MSP703"
    enroll(healthy, **{WAYPOINT: "waypoint"})
    assert "Gateway models/waypoint does not exist" in only(healthy)[1]["text"]
    healthy.write(kinds.WAYPOINTS, {"metadata": {"name": "waypoint", "namespace": "models"}})
    assert check(healthy) == (0, [])


def test_services_that_name_a_waypoint_are_enough(healthy: Live) -> None:
    enroll(healthy)
    labels = {WAYPOINT: "waypoint"}
    service = {"metadata": {"name": "mnist", "namespace": "models", "labels": labels}}
    healthy.write(kinds.SERVICES, {**service, "spec": {"ports": [{"port": 80}]}})
    assert check(healthy) == (0, [])


def test_an_ambient_namespace_without_groups_needs_none(healthy: Live) -> None:
    healthy.write(kinds.NAMESPACES, make_namespace("shop", **{AMBIENT: "ambient"}))
    assert check(healthy) == (0, [])


@pytest.mark.parametrize(
    ("data", "level"),
    [
        (None, "unknown"),
        ({}, "failure"),
        ({"inferenceService": "{"}, "failure"),
        ({"inferenceService": '{"serviceAnnotationDisallowedList": ["other"]}'}, "failure"),
        ({"inferenceService": f'{{"serviceAnnotationDisallowedList": ["{keys.PERCENT}"]}}'}, "ok"),
    ],
)
def test_editing_a_percentage_in_standard_mode(
    healthy: Live, data: dict[str, str] | None, level: str
) -> None:
    member = make_member("iris-v1", "iris", "100")
    member["metadata"]["annotations"][keys.DEPLOYMENT_MODE] = "Standard"
    healthy.write(kinds.INFERENCE_SERVICES, member)
    if data is not None:
        healthy.write(kinds.CONFIG_MAPS, {**CONFIG, "data": data})
    report = json.loads(healthy.run("check", "-o", "json").stdout)
    (verdict,) = [each for each in report["checks"] if keys.PERCENT in each["text"]]
    assert verdict["level"] == level
    assert (verdict["code"] == "MSP701") == (level != "ok")
    assert ("models/iris-v1" in verdict["text"]) == (level != "ok")


def test_one_namespace_is_looked_at_alone(healthy: Live) -> None:
    enroll(healthy)
    assert check(healthy, "-n", "kserve")[1] == [
        {
            "section": "istio",
            "level": "warning",
            "text": "no namespace has the mesh switched on and names a gateway, so nothing is exposed",
            "fix": "annotate a Namespace with service-mesh.opendatahub.io/public-gateway-name, "
            "or name gateways in a ModelSplit",
            "code": "MSP306",
        }
    ]
    assert only(healthy, "-n", "models")[1]["code"] == "MSP703"


def test_what_may_not_be_read_is_unknown_and_no_failure(healthy: Live) -> None:
    healthy.faults.add(Fault(path="customresourcedefinitions|deployments", code=403, times=0))
    code, verdicts = check(healthy)
    assert code == 0
    assert {verdict["level"] for verdict in verdicts} == {"unknown"}
    assert "you may not get customresourcedefinitions.apiextensions.k8s.io" in verdicts[0]["text"]


def test_a_cluster_that_does_not_answer_is_exit_2(healthy: Live) -> None:
    healthy.faults.add(Fault(code=401, times=0))
    result = healthy.run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "does not know you (401)" in result.stderr


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ({"major": "1", "minor": "29", "gitVersion": "v1.29.1"}, Level.OK),
        ({"major": "1", "minor": "30+"}, Level.OK),
        ({"major": "2", "minor": "0"}, Level.OK),
        ({"major": "1", "minor": "28+", "gitVersion": "v1.28.3-eks"}, Level.FAILURE),
        ({"major": "", "minor": ""}, Level.UNKNOWN),
        ({}, Level.UNKNOWN),
    ],
)
def test_the_version_of_kubernetes(told: dict[str, str], level: Level) -> None:
    assert judge_version(told).level is level


def test_a_server_without_access_reviews_cannot_be_asked_about_secrets(healthy: Live) -> None:
    hook = {"url": "https://chat.example.com/", "hmacSecret": {"name": "chat", "key": "k"}}
    spec: dict[str, Any] = {"modelTag": "mnist", "strategy": {"canary": {"notify": [hook]}}}
    spec["analysis"] = {"source": {"gateway": {}}}
    healthy.write(kinds.MODEL_SPLITS, make_split("mnist", spec=spec))
    code, verdicts = check(healthy)
    (verdict,) = (each for each in verdicts if each["section"] == "webhooks")
    assert (code, verdict["level"]) == (0, "unknown")
