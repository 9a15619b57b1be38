import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner, Result

from meshsplit.cli.main import cli

PLATFORM = """\
apiVersion: v1
kind: Namespace
metadata:
  name: models
  labels:
    opendatahub.io/service-mesh: "true"
  annotations:
    maistra.io/gateway-namespace: istio-system
    maistra.io/gateway-name: odh-gateway
---
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: mlserver
  namespace: models
  annotations:
    enable-route: "true"
spec:
  multiModel: true
  supportedModelFormats:
  - {name: sklearn, autoSelect: true}
"""
MEMBER = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: %(name)s
  namespace: models
  labels:
    serving.kserve.io/model-tag: mnist
  annotations:
    serving.kserve.io/deploymentMode: ModelMesh
    serving.kserve.io/canaryTrafficPercent: "%(percent)s"
spec:
  predictor:
    model:
      modelFormat: {name: sklearn}
"""
STRATEGY = """\
apiVersion: meshsplit.dev/v1alpha1
kind: ModelSplit
metadata:
  name: mnist
  namespace: models
spec:
  modelTag: mnist
  stableMember: mnist-v1
  strategy:
    canary:
      stepWeights: [5, 10, 25, 50]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a valid group at 80/20; the working directory is the one around it."""
    monkeypatch.chdir(tmp_path)
    for variable in ("FORCE_COLOR", "NO_COLOR", "KUBECTL_EXTERNAL_DIFF"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "platform.yaml").write_text(PLATFORM)
    set_percents(tmp_path, 80, 20)
    return tmp_path


def set_percents(folder: Path, first: object, second: object) -> None:
    for name, percent in (("mnist-v1", first), ("mnist-v2", second)):
        (folder / "prod" / f"{name}.yaml").write_text(MEMBER % {"name": name, "percent": percent})


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=text, prog_name="meshsplit")


def names(output: str) -> list[str]:
    return [body["metadata"]["name"] for body in yaml.safe_load_all(output)]


def test_a_clean_folder_ends_with_what_to_do_next(folder: Path) -> None:
    result = run("lint", "prod")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Checked 4 documents in 3 files, 1 group: 0 errors, 0 warnings, 0 notes.\n"
        "Next: meshsplit render prod\n"
    )


def test_a_wrong_sum_is_told_with_both_places_and_a_fix(folder: Path) -> None:
    set_percents(folder, 80, 30)
    result = run("lint", "prod")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("prod/mnist-v2.yaml:10:45: error MSP101 ")
    assert lines[1].split() == ["mnist-v1", "80", "prod/mnist-v1.yaml:10"]
    assert lines[2].split() == ["mnist-v2", "30", "prod/mnist-v2.yaml:10"]
    assert "  fix: set mnist-v2 to 20" in lines
    assert lines[-3:] == [
        "",
        "Checked 4 documents in 3 files, 1 group: 1 error, 0 warnings, 0 notes.",
        "Explain one: meshsplit explain MSP101",
    ]


@pytest.mark.parametrize("output", ["text", "json", "yaml", "github", "sarif", "junit"])
@pytest.mark.parametrize(
    ("percents", "arguments", "code"),
    [
        ((80, 20), (), 0),
        ((80, 30), (), 1),
        ((80, 30), ("--ignore", "MSP101"), 0),
        ((80, 30), ("--ignore", "msp102,msp101"), 0),
        ((80, 30), ("--ignore", "MSP102"), 1),
    ],
)
def test_the_exit_code_does_not_depend_on_the_output(
    folder: Path, output: str, percents: tuple[int, int], arguments: tuple[str, ...], code: int
) -> None:
    set_percents(folder, *percents)
    result = run("lint", "prod", "-o", output, *arguments)
    assert result.exit_code == code
    assert ("MSP101 percentages" in result.stdout) == (code == 1 and output in {"text", "github", "junit"})


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("note", 1)])
def test_fail_on_decides_which_findings_matter(folder: Path, fail_on: str, code: int) -> None:
    (folder / "prod" / "mnist-v2.yaml").unlink()
    result = run("lint", "prod", "--fail-on", fail_on)
    assert "warning MSP105" in result.stdout
    assert result.exit_code == code


def test_a_note_fails_only_when_notes_are_asked_for(folder: Path) -> None:
    (folder / "prod" / "empty.yaml").write_text("# nothing\n")
    assert run("lint", "prod", "--fail-on", "warning").exit_code == 0
    assert run("lint", "prod", "--fail-on", "note").exit_code == 1


def test_the_json_report_is_exactly_what_pipelines_were_promised(folder: Path) -> None:
    set_percents(folder, 80, 30)
    report = json.loads(run("lint", "prod", "-o", "json").stdout)
    assert list(report) == ["apiVersion", "kind", "generatedAt", "findings", "summary"]
    assert (report["apiVersion"], report["kind"]) == ("cli.meshsplit.dev/v1alpha1", "LintReport")
    (finding,) = report["findings"]
    assert finding.pop("message")
    assert finding == {
        "code": "MSP101",
        "severity": "error",
        "object": {"kind": "InferenceService", "namespace": "models", "name": "mnist-v2"},
        "file": "prod/mnist-v2.yaml",
        "line": 10,
        "column": 45,
        "fix": "set mnist-v2 to 20",
    }
    counted = {"documents": 4, "live": 0, "groups": 1, "errors": 1, "warnings": 0, "notes": 0}
    assert report["summary"] == counted
    as_yaml = yaml.safe_load(run("lint", "prod", "-o", "yaml").stdout)
    assert {**as_yaml, "generatedAt": None} == {
        **report,
        "generatedAt": None,
        "findings": as_yaml["findings"],
    }


def test_machine_formats_are_the_whole_of_stdout(folder: Path) -> None:
    set_percents(folder, 80, "50%")
    sarif = run("lint", "prod", "-o", "sarif")
    assert json.loads(sarif.stdout)["runs"][0]["results"][0]["ruleId"] == "MSP102"
    junit = ET.fromstring(run("lint", "prod", "-o", "junit").stdout)  # noqa: S314 - our own output
    assert (junit.get("tests"), junit.get("failures")) == ("3", "1")
    github = run("lint", "prod", "-o", "github")
    assert github.stdout.startswith("::error file=prod/mnist-v2.yaml,line=10,col=45::MSP102 ")
    assert len(github.stdout.splitlines()) == 1
    assert "Checked 4 documents" in github.stderr


def test_a_comment_or_an_annotation_silences_a_finding(folder: Path) -> None:
    set_percents(folder, 80, 30)
    file = folder / "prod" / "mnist-v2.yaml"
    text = file.read_text()
    percent = "    serving.kserve.io/canaryTrafficPercent"
    file.write_text(text.replace(percent, f"    # meshsplit: ignore[MSP101]\n{percent}"))
    assert run("lint", "prod").exit_code == 0
    file.write_text(text.replace("  annotations:\n", "  annotations:\n    meshsplit.dev/ignore: MSP101\n"))
    assert run("lint", "prod").exit_code == 0
    file.write_text(text)
    assert run("lint", "prod").exit_code == 1


def test_a_code_that_does_not_exist_cannot_be_ignored(folder: Path) -> None:
    result = run("lint", "prod", "--ignore", "MSP999")
    assert result.exit_code == 2
    assert "'MSP999' is not a code" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["prod"],
        ["-f", "prod"],
        ["-R", "prod", "--offline"],
        ["-f", "prod/platform.yaml", "-f", "prod/mnist-v1.yaml", "prod/mnist-v2.yaml"],
        ["prod", "prod/mnist-v1.yaml"],
    ],
)
def test_input_is_named_in_every_way_kubectl_users_expect(folder: Path, arguments: list[str]) -> None:
    assert "Checked 4 documents in 3 files, 1 group:" in run("lint", *arguments).stdout


@pytest.mark.parametrize("arguments", [["-"], []])
def test_a_pipe_is_read_with_or_without_a_dash(folder: Path, arguments: list[str]) -> None:
    text = "---\n".join(path.read_text() for path in sorted((folder / "prod").iterdir()))
    result = run("lint", *arguments, text=text)
    assert "Checked 4 documents in 1 file, 1 group: 0 errors" in result.stdout
    assert result.stdout.endswith("Next: meshsplit render -\n")


def test_objects_without_a_namespace_are_in_the_one_that_is_named(folder: Path) -> None:
    for path in (folder / "prod").iterdir():
        path.write_text(path.read_text().replace("  namespace: models\n", ""))
    assert run("render", "prod").stdout == ""
    bodies = yaml.safe_load_all(run("render", "prod", "-n", "models").stdout)
    assert {body["metadata"]["namespace"] for body in bodies} == {"models"}


def test_what_cannot_be_read_is_exit_2_and_says_what(folder: Path) -> None:
    for verb in (["lint"], ["render"], ["diff", "--against", "prod"]):
        result = run(*verb, "nowhere.yaml")
        assert result.exit_code == 2
        assert "nowhere.yaml" in result.stderr
        assert result.stdout == ""


def test_settings_change_what_is_rendered(folder: Path) -> None:
    settings = folder / "settings.yaml"
    settings.write_text(
        "apiVersion: cli.meshsplit.dev/v1alpha1\nkind: Settings\n"
        "routing: {hosts: ['{namespace}.example.com']}\n"
    )
    bodies = yaml.safe_load_all(run("render", "prod", "--settings", "settings.yaml").stdout)
    assert {host for body in bodies for host in body["spec"]["hosts"]} == {"models.example.com"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: Settings\n", "settings.yaml:1:1: error MSP007 apiVersion is missing"),
        (
            "apiVersion: cli.meshsplit.dev/v1alpha1\nkind: Settings\ndomian: x\n",
            "settings.yaml:3:9: error MSP007 domian is not a known field\n  fix: did you mean domain?",
        ),
        ("a: [\n", "settings.yaml:"),
        ("a: 1\na: 2\n", "MSP003"),
        ("", "MSP007"),
    ],
)
def test_settings_that_are_wrong_are_told_with_their_place(folder: Path, text: str, told: str) -> None:
    (folder / "settings.yaml").write_text(text)
    result = run("lint", "prod", "--settings", "settings.yaml")
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


def test_settings_that_are_not_there_are_told(folder: Path) -> None:
    result = run("lint", "prod", "--settings", "missing.yaml")
    assert result.exit_code == 2
    assert "missing.yaml" in result.stderr


def test_render_writes_only_yaml_to_stdout(folder: Path) -> None:
    result = run("render", "prod")
    assert result.exit_code == 0
    assert names(result.stdout) == ["mnist-splitting", "mnist-v1", "mnist-v2"]
    assert result.stderr == "Next: meshsplit render prod | kubectl apply -f -\n"


def test_render_as_a_list_and_as_names(folder: Path) -> None:
    as_list = json.loads(run("render", "prod", "-o", "json").stdout)
    assert (as_list["apiVersion"], as_list["kind"]) == ("v1", "List")
    assert as_list["items"] == list(yaml.safe_load_all(run("render", "prod").stdout))
    assert run("render", "prod", "-o", "name").stdout.splitlines() == [
        f"virtualservice.networking.istio.io/{name}" for name in ("mnist-splitting", "mnist-v1", "mnist-v2")
    ]


def test_what_can_be_rendered_is_in_spite_of_errors(folder: Path) -> None:
    set_percents(folder, 80, 30)
    result = run("render", "prod")
    assert result.exit_code == 1
    assert names(result.stdout) == ["mnist-v1", "mnist-v2"]
    assert result.stderr.startswith("prod/mnist-v2.yaml:10:45: error MSP101 ")
    assert result.stderr.endswith("Explain one: meshsplit explain MSP101\n")


def test_silencing_an_error_does_not_make_render_succeed(folder: Path) -> None:
    set_percents(folder, 80, 30)
    file = folder / "prod" / "mnist-v2.yaml"
    file.write_text(
        file.read_text().replace("  annotations:\n", "  annotations:\n    meshsplit.dev/ignore: MSP101\n")
    )
    assert run("lint", "prod").exit_code == 0
    result = run("render", "prod")
    assert result.exit_code == 1
    assert "MSP101" in result.stderr


@pytest.mark.parametrize(("output", "stdout"), [("yaml", ""), ("name", "")])
def test_nothing_to_render_is_said(folder: Path, output: str, stdout: str) -> None:
    result = run("render", "prod/platform.yaml", "-o", output)
    assert (result.exit_code, result.stdout) == (0, stdout)
    assert result.stderr.startswith("Nothing to render")
    assert result.stderr.endswith("Next: meshsplit lint prod/platform.yaml\n")


def weights_of(output: str) -> str:
    """The annotated split of the group, whose object comes first."""
    group = next(iter(yaml.safe_load_all(output)))
    return str(group["metadata"]["annotations"]["meshsplit.dev/weights"])


def test_a_group_with_a_strategy_is_rendered_at_its_start_unless_the_target_is_asked_for(
    folder: Path,
) -> None:
    (folder / "prod" / "split.yaml").write_text(STRATEGY)
    start = run("render", "prod")
    assert weights_of(start.stdout) == "mnist-v1=100,mnist-v2=0"
    assert "models/mnist has a strategy: rendered at its start mnist-v1=100,mnist-v2=0" in start.stderr
    target = run("render", "prod", "--weights", "target")
    assert weights_of(target.stdout) == "mnist-v1=80,mnist-v2=20"
    assert "rendered at its target mnist-v1=80,mnist-v2=20 (--weights start for the other)" in target.stderr


def test_weights_do_not_matter_to_a_static_group(folder: Path) -> None:
    target = run("render", "prod", "--weights", "target")
    assert target.stdout == run("render", "prod").stdout
    assert "strategy" not in target.stderr


def save_rendered(folder: Path) -> None:
    (folder / "live").mkdir()
    (folder / "live" / "all.yaml").write_text(run("render", "prod").stdout)


def test_no_difference_is_exit_0_also_through_a_pipe(folder: Path) -> None:
    save_rendered(folder)
    result = run("diff", "prod", "--against", "live")
    assert (result.exit_code, result.stdout) == (0, "No differences in 3 objects.\n")
    piped = run("diff", "prod", "--against", "-", text=(folder / "live" / "all.yaml").read_text())
    assert (piped.exit_code, piped.stdout) == (0, "No differences in 3 objects.\n")


@pytest.mark.parametrize("output", ["text", "json", "yaml", "unified"])
def test_a_difference_is_exit_1_in_every_format(folder: Path, output: str) -> None:
    save_rendered(folder)
    set_percents(folder, 70, 30)
    result = run("diff", "prod", "--against", "live", "-o", output)
    assert result.exit_code == 1
    assert result.stderr == "Next: meshsplit render prod | kubectl apply -f -\n"


def test_a_change_of_weights_is_shown_by_member(folder: Path) -> None:
    save_rendered(folder)
    set_percents(folder, 70, 30)
    lines = run("diff", "prod", "--against", "live").stdout.splitlines()
    assert lines[:7] == [
        "--- against  VirtualService models/mnist-splitting",
        "+++ render   VirtualService models/mnist-splitting",
        "@@ spec.http[grpc-routing].route @@",
        "-    mnist-v1  weight 80",
        "-    mnist-v2  weight 20",
        "+    mnist-v1  weight 70",
        "+    mnist-v2  weight 30",
    ]
    assert lines[-1] == "1 object differs, in weights only."
    report = json.loads(run("diff", "prod", "--against", "live", "-o", "json").stdout)
    assert report["kind"] == "DiffReport"
    assert report["summary"] == {"compared": 3, "differ": 1, "weightsOnly": 1}


def test_a_unified_diff_is_plain_yaml(folder: Path) -> None:
    save_rendered(folder)
    set_percents(folder, 70, 30)
    lines = run("diff", "prod", "--against", "live", "-o", "unified").stdout.splitlines()
    assert "-      weight: 80" in lines
    assert "+      weight: 70" in lines


def test_objects_of_one_side_are_added_or_removed(folder: Path) -> None:
    save_rendered(folder)
    for file in (folder / "prod").glob("mnist-*"):
        file.write_text(file.read_text().replace("model-tag: mnist", "model-tag: digits"))
    lines = run("diff", "prod", "--against", "live").stdout.splitlines()
    assert lines == [
        "+++ render   VirtualService models/digits-splitting    would be added",
        "--- against  VirtualService models/mnist-splitting    would be removed",
        "2 objects differ.",
    ]


def test_an_invalid_group_is_expected_to_keep_what_serves(folder: Path) -> None:
    save_rendered(folder)
    set_percents(folder, 80, 30)
    result = run("diff", "prod", "--against", "live")
    assert result.exit_code == 1
    assert result.stdout == "No differences in 3 objects.\n"
    assert "MSP101" in result.stderr
    assert result.stderr.endswith("Explain one: meshsplit explain MSP101\n")


def test_what_cannot_be_read_keeps_its_objects(folder: Path) -> None:
    save_rendered(folder)
    file = folder / "prod" / "mnist-v2.yaml"
    file.write_text(file.read_text().replace("modelFormat: {name: sklearn}", "modelFormat: [sklearn]"))
    result = run("diff", "prod", "--against", "live")
    assert result.exit_code == 1
    assert "error MSP007" in result.stderr
    assert "removed" not in result.stdout
    assert result.stdout.startswith("No differences in ")


def test_a_rollout_that_has_begun_is_no_difference(folder: Path) -> None:
    set_percents(folder, 90, 10)
    save_rendered(folder)
    set_percents(folder, 0, 100)
    (folder / "prod" / "split.yaml").write_text(STRATEGY)
    result = run("diff", "prod", "--against", "live")
    assert (result.exit_code, result.stdout) == (0, "No differences in 3 objects.\n")


def test_other_peoples_objects_are_not_compared(folder: Path) -> None:
    save_rendered(folder)
    (folder / "live" / "other.yaml").write_text(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        "metadata: {name: shop, namespace: models}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: mnist-splitting, namespace: models}\n"
    )
    assert run("diff", "prod", "--against", "live").stdout == "No differences in 3 objects.\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prod"], "--against"),
        (["prod", "--against", "nowhere"], "nowhere"),
        (["-", "--against", "-"], "not both"),
        (["--against", "-"], "not both"),
        (["prod", "--against", "broken.yaml"], "broken.yaml:2:"),
    ],
)
def test_what_cannot_be_compared_is_exit_2(folder: Path, arguments: list[str], told: str) -> None:
    (folder / "broken.yaml").write_text("kind: [\n}\n")
    result = run("diff", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


def test_colour_is_in_the_text_only_when_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_percents(folder, 80, 30)
    assert "\x1b[" not in run("lint", "prod").output
    assert "\x1b[31m" in run("lint", "prod", "--color", "always").output
    assert "\x1b[" not in run("lint", "prod", "-o", "json", "--color", "always").output
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("lint", "prod").output
    assert "\x1b[" not in run("lint", "prod", "--color", "never").output
