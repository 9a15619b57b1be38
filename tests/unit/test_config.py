"""What the files of config/ ask for: no right too many, a Pod that restricted namespaces admit."""

from pathlib import Path
from typing import Any

import cel
import click
import pytest
import yaml

from meshsplit import __version__
from meshsplit.api.names import is_object_name
from meshsplit.api.settings import to_settings
from meshsplit.cli.main import cli
from meshsplit.model import Settings
from support.crds import refusal_of_server, refusals_offline

CONFIG = Path(__file__).resolve().parents[2] / "config"
INSTALLS = ("install.yaml", "namespace-install.yaml")
READ = {"get", "list", "watch"}
Body = dict[str, Any]

each_install = pytest.mark.parametrize("name", INSTALLS)


def load(name: str) -> list[Body]:
    return list(yaml.safe_load_all((CONFIG / name).read_text(encoding="utf-8")))


def of_kind(name: str, kind: str) -> Body:
    (body,) = (body for body in load(name) if body["kind"] == kind)
    return body


def granted(name: str) -> dict[str, set[str]]:
    """Verbs by group/resource, of all roles of a file that the controller is bound to."""
    rights: dict[str, set[str]] = {}
    bound = {body["roleRef"]["name"] for body in load(name) if "roleRef" in body}
    for body in load(name):
        if body["metadata"]["name"] not in bound:
            continue
        for rule in body.get("rules", ()):
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    rights.setdefault(f"{group}/{resource}", set()).update(rule["verbs"])
    return rights


@each_install
def test_the_controller_has_the_rights_it_uses_and_no_other(name: str) -> None:
    written = {"create", "delete", "patch"}
    expected = {
        "/namespaces": READ,
        "serving.kserve.io/inferenceservices": READ,
        "serving.kserve.io/servingruntimes": READ,
        "serving.kserve.io/clusterservingruntimes": READ,
        "networking.istio.io/gateways": READ,
        "networking.istio.io/virtualservices": READ | written,
        "networking.istio.io/destinationrules": READ | written,
        "meshsplit.dev/modelsplits": READ | written,
        "meshsplit.dev/modelsplits/status": {"patch"},
        "/events": {"create", "patch"},
        "coordination.k8s.io/leases": {"create", "get", "patch"},
        "discovery.k8s.io/endpointslices": {"list"},
    }
    if name == "namespace-install.yaml":
        # Of its own Namespace a Role can grant get; the others are mostly or wholly outside of it.
        expected["/namespaces"] = {"get"}
        del expected["serving.kserve.io/clusterservingruntimes"]
        del expected["networking.istio.io/gateways"]
    assert granted(name) == expected


def test_secrets_are_read_only_where_that_is_granted_and_only_those_of_one_name() -> None:
    assert not {right for name in INSTALLS for right in granted(name) if "secrets" in right}
    role, binding = load("webhooks/clusterrole.yaml")[0], load("webhooks/clusterrolebinding.yaml")[0]
    (rule,) = role["rules"]
    assert (rule["resources"], rule["verbs"], rule["resourceNames"]) == (
        ["secrets"],
        ["get"],
        ["meshsplit-webhooks"],
    )
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == of_kind("install.yaml", "ClusterRoleBinding")["subjects"]


def test_serving_disvcs_takes_the_same_rights_of_a_namespace_as_of_the_cluster() -> None:
    cluster, (role, binding) = load("disvc/clusterrole.yaml")[0], load("disvc/namespaced/role.yaml")
    assert role["rules"] == cluster["rules"]
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == of_kind("namespace-install.yaml", "RoleBinding")["subjects"]


def test_a_namespaced_installation_holds_nothing_of_the_cluster() -> None:
    kinds = {body["kind"] for body in load("namespace-install.yaml")}
    assert not {kind for kind in kinds if kind.startswith("Cluster") or kind == "CustomResourceDefinition"}
    assert all(body["metadata"]["namespace"] == "models" for body in load("namespace-install.yaml"))


@each_install
def test_every_binding_is_of_the_role_and_the_account_that_are_there(name: str) -> None:
    objects = load(name)
    names = {(body["kind"], body["metadata"]["name"]) for body in objects}
    account = of_kind(name, "ServiceAccount")["metadata"]
    bindings = [body for body in objects if body["kind"].endswith("Binding")]
    assert bindings
    for binding in bindings:
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in names
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
        ]


@each_install
def test_the_pod_is_one_that_restricted_namespaces_admit(name: str) -> None:
    pod = of_kind(name, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert all(volume.keys() <= {"name", "configMap"} for volume in pod["volumes"])


@each_install
def test_two_replicas_are_spread_and_not_evicted_together(name: str) -> None:
    deployment = of_kind(name, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        of_kind(name, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind(name, "Service")["spec"]["selector"],
        *(
            spread["labelSelector"]["matchLabels"]
            for spread in deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        ),
    ]
    assert deployment["spec"]["replicas"] == 2
    assert of_kind(name, "PodDisruptionBudget")["spec"]["minAvailable"] == 1
    assert all(selector.items() <= labels.items() for selector in selectors)


@each_install
def test_probes_metrics_and_the_service_use_the_one_port(name: str) -> None:
    deployment = of_kind(name, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert f"--listen=0.0.0.0:{port['containerPort']}" in container["args"]
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    assert of_kind(name, "Service")["spec"]["ports"][0]["targetPort"] == port["name"]


@each_install
def test_the_image_is_of_this_version_and_the_arguments_are_for_the_controller(name: str) -> None:
    (container,) = of_kind(name, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(f":{__version__}")
    assert container["args"][0] == "controller"
    with (
        cli.get_command(click.Context(cli), "controller").make_context(  # type: ignore[union-attr]
            "controller", container["args"][1:]
        ) as context
    ):
        assert context.params["listen"] == ("0.0.0.0", 8080)  # noqa: S104 - a Pod's own address
    only_here = "--namespace=$(POD_NAMESPACE)" in container["args"]
    assert only_here == (name == "namespace-install.yaml")
    assert "--lease-namespace=$(POD_NAMESPACE)" in container["args"]


@each_install
def test_the_settings_are_ones_that_can_be_read(name: str) -> None:
    text = of_kind(name, "ConfigMap")["data"]["settings.yaml"]
    assert to_settings(yaml.safe_load(text)) == Settings()


@each_install
def test_the_namespace_admits_restricted_pods_only(name: str) -> None:
    namespaces = [body for body in load(name) if body["kind"] == "Namespace"]
    labels = [body["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for body in namespaces]
    assert labels == (["restricted"] if name == "install.yaml" else [])


SAMPLES = yaml.safe_load((CONFIG / "samples" / "kustomization.yaml").read_text())["resources"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_right(name: str) -> None:
    splits = [body for body in load(f"samples/{name}") if body["kind"] == "ModelSplit"]
    assert splits or name == "annotations-only.yaml"
    for body in splits:
        assert (refusals_offline(body), refusal_of_server(body)) == ([], "")


def ask_policy(annotations: dict[str, str] | None) -> str:
    """What the optional policy says of an InferenceService's annotations; "" when it lets it in."""
    policy = yaml.safe_load_all((CONFIG / "policy/validatingadmissionpolicy.yaml").read_text())
    spec = next(policy)["spec"]
    (variable,), (rule,) = spec["variables"], spec["validations"]
    metadata = {} if annotations is None else {"annotations": annotations}
    context = {"object": {"metadata": metadata}}
    context["variables"] = {
        variable["name"]: cel.compile(variable["expression"]).execute(cel.Context(context))
    }
    if cel.compile(rule["expression"]).execute(cel.Context(context)):
        return ""
    return str(cel.compile(rule["messageExpression"]).execute(cel.Context(context)))


PERCENT = "serving.kserve.io/canaryTrafficPercent"


@pytest.mark.parametrize("annotations", [None, {}, {PERCENT: "0"}, {PERCENT: "20"}, {PERCENT: "100"}])
def test_the_policy_lets_whole_percentages_in(annotations: dict[str, str] | None) -> None:
    assert ask_policy(annotations) == ""


@pytest.mark.parametrize("percent", ["50%", "101", "-1", "", "020", "1.5"])
def test_the_policy_refuses_anything_else_and_says_why(percent: str) -> None:
    assert ask_policy({PERCENT: percent}) == (
        f'{PERCENT} is "{percent}", want a whole number from 0 to 100 (MSP102)'
    )


@pytest.mark.parametrize("name", [*INSTALLS, "policy/validatingadmissionpolicy.yaml"])
def test_every_object_says_whose_it_is(name: str) -> None:
    for body in load(name):
        assert is_object_name(body["metadata"]["name"])
        if body["kind"] != "CustomResourceDefinition":
            assert body["metadata"]["labels"]["app.kubernetes.io/name"] == "meshsplit"
