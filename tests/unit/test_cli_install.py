import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from meshsplit.cli.main import cli
from meshsplit.manifests.reader import read_text


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["install", *arguments], prog_name="meshsplit")


def objects(*arguments: str) -> list[dict[str, Any]]:
    result = run("--export", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert not read_text(result.stdout, "-").findings
    return list(yaml.safe_load_all(result.stdout))


def kinds(*arguments: str) -> set[str]:
    return {body["kind"] for body in objects(*arguments)}


def test_without_export_it_is_refused_since_it_only_prints() -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        "error: install changes no cluster, it only prints what to apply: pass --export.\n"
        "Next: meshsplit install --export | kubectl apply -f -\n"
    )


def test_the_default_is_the_whole_cluster() -> None:
    assert {"CustomResourceDefinition", "ClusterRole", "Deployment", "Namespace"} <= kinds()
    assert "ValidatingAdmissionPolicy" not in kinds()


def test_the_policy_comes_on_request() -> None:
    assert kinds("--with-policy") - kinds() == {
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }


def test_the_other_kind_comes_on_request_with_its_rights() -> None:
    more = objects("--with-disvc")[len(objects()) :]
    assert [(body["kind"], body["metadata"]["name"]) for body in more] == [
        ("CustomResourceDefinition", "distributedinferenceservices.serving.kserve.io"),
        ("ClusterRole", "meshsplit-disvc"),
        ("ClusterRoleBinding", "meshsplit-disvc"),
        ("ClusterRole", "meshsplit-disvc-aggregate-to-view"),
    ]
    assert len(objects("--with-disvc", "--crds-only")) == 2
    role, binding = objects("--with-disvc", "--namespaced", "team-a")[-2:]
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "team-a")
    assert binding["subjects"][0]["namespace"] == "team-a"


def test_the_definition_alone() -> None:
    (crd,) = objects("--crds-only")
    assert crd["metadata"]["name"] == "modelsplits.meshsplit.dev"


def test_one_namespace_is_named_wherever_a_namespace_is() -> None:
    found = objects("--namespaced", "team-a")
    assert {body["metadata"]["namespace"] for body in found} == {"team-a"}
    subjects = [subject for body in found for subject in body.get("subjects", ())]
    assert [subject["namespace"] for subject in subjects] == ["team-a"]
    assert not {body["kind"] for body in found} & {"ClusterRole", "Namespace", "CustomResourceDefinition"}


def test_the_image_can_be_another() -> None:
    (deployment,) = (body for body in objects("--image", "r.example.com/m:2") if body["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "r.example.com/m:2"


def test_json_is_one_list_and_names_are_kubectls() -> None:
    listed = json.loads(run("--export", "-o", "json").stdout)
    assert (listed["kind"], len(listed["items"])) == ("List", len(objects()))
    names = run("--export", "-o", "name").stdout.splitlines()
    assert names[0] == "namespace/meshsplit-system"
    assert "deployment.apps/meshsplit-controller" in names


@pytest.mark.parametrize(
    "arguments",
    [
        ["--crds-only", "--with-policy"],
        ["--crds-only", "--namespaced", "a"],
        ["--namespaced", "a", "--with-policy"],
        ["--namespaced", "A_b"],
        ["--namespaced", ""],
    ],
)
def test_what_cannot_be_is_a_wrong_call(arguments: list[str]) -> None:
    result = run("--export", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
