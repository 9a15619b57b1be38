"""get, status and explain on the embedded API server, with statuses as a controller writes them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from meshsplit.cli import kinds
from meshsplit.cli.completion import complete
from meshsplit.cli.main import cli
from meshsplit.local.apiserver.faults import Fault
from support.live import (
    EVERYTHING,
    SINCE,
    TAG,
    Live,
    live_cluster,
    make_condition,
    make_member,
    make_namespace,
    make_route,
    make_split,
)

WRONG_SUM = "detect-1 80 + detect-2 30 = 110, want 100 (MSP101); serving the last valid split: 80, 20"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
AGE = re.compile(r"(?<= )\d{1,3}s$", re.MULTILINE)


STEADY = make_split(
    "mnist",
    observedGeneration=1,
    strategy="Static",
    stable="mnist-v1",
    canary="mnist-v2",
    weight="80 / 20",
    target="80 / 20",
    total=100,
    members=[
        {"name": "mnist-v1", "role": "stable", "targetWeight": 80, "weight": 80, "ready": True},
        {"name": "mnist-v2", "role": "canary", "targetWeight": 20, "weight": 20, "ready": True},
    ],
    conditions=[
        make_condition("Ready", reason="Steady", message="serving mnist-v1 80, mnist-v2 20"),
        make_condition("WeightsValid", reason="SumIs100", message="80 + 20"),
        make_condition("RoutesAccepted", reason="Accepted", message="VirtualService accepted"),
        make_condition("Stalled", "False", "NotStalled"),
    ],
)
INVALID = make_split(
    "detect",
    "vision",
    observedGeneration=1,
    strategy="Static",
    stable="detect-1",
    canary="detect-2",
    weight="80 / 20",
    members=[
        {"name": "detect-1", "role": "stable", "weight": 80},
        {"name": "detect-2", "role": "canary", "weight": 20},
    ],
    conditions=[
        make_condition("Ready", "False", "Invalid", WRONG_SUM),
        make_condition("WeightsValid", "False", "SumNot100", WRONG_SUM),
        make_condition("Stalled", "True", "Invalid", WRONG_SUM),
    ],
)
WEIGHTS = {"meshsplit.dev/weights": "mnist-v1=80,mnist-v2=20", TAG: "mnist"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One cluster for the tests that only read it."""
    with live_cluster(tmp_path_factory.mktemp("live"), *EVERYTHING) as live:
        for namespace in ("models", "vision"):
            live.write(kinds.NAMESPACES, make_namespace(namespace))
        live.write(kinds.MODEL_SPLITS, STEADY, "meshsplit")
        live.write(kinds.MODEL_SPLITS, INVALID, "meshsplit")
        live.write(kinds.INFERENCE_SERVICES, make_member("mnist-v1", "mnist", "80"))
        live.write(kinds.INFERENCE_SERVICES, make_member("mnist-v2", "mnist", "20"))
        live.write(kinds.INFERENCE_SERVICES, make_member("other", "another", "100"))
        live.write(
            kinds.virtual_services("v1"), make_route("mnist-splitting", annotations=WEIGHTS), "meshsplit"
        )
        live.write(kinds.virtual_services("v1"), make_route("unrelated"), "somebody")
        yield live


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A cluster of the test's own."""
    with live_cluster(tmp_path, *EVERYTHING) as own:
        own.write(kinds.NAMESPACES, make_namespace("models"))
        yield own


def answer(live: Live, *words: str, code: int = 0) -> str:
    """What is printed; times of this run read as SINCE, ages as 0s."""
    result = live.run(*words)
    assert result.exit_code == code, result.output
    return AGE.sub("0s", TIME.sub(SINCE, result.stdout))


GET_ALL = """\
NAMESPACE  NAME    STRATEGY  STATUS   STABLE    CANARY    WEIGHT    STEP  CANARY ERRORS (95%)  AGE
models     mnist   Static    Steady   mnist-v1  mnist-v2  80 / 20   -     -                    0s
vision     detect  Static    Invalid  detect-1  detect-2  80 / 20!  -     -                    0s

! vision/detect: detect-1 80 + detect-2 30 = 110, want 100 (MSP101); serving the last valid split: 80, 20
  Next: meshsplit explain detect -n vision
"""


def test_get_lists_all_namespaces_and_what_wants_attention(shared: Live) -> None:
    assert answer(shared, "get", "-A") == GET_ALL


def test_get_of_one_namespace_leaves_its_column_out(shared: Live) -> None:
    header, row, following = answer(shared, "get", "-n", "models").splitlines()
    assert header.startswith("NAME   STRATEGY")
    assert row.startswith("mnist  Static")
    assert following == "Next: meshsplit status mnist -n models"


def test_get_wide_adds_target_and_message(shared: Live) -> None:
    header, row, *_ = answer(shared, "get", "mnist", "-n", "models", "-o", "wide").splitlines()
    assert header.split()[-2:] == ["TARGET", "MESSAGE"]
    assert row.endswith("80 / 20  serving mnist-v1 80, mnist-v2 20")


def test_get_by_name_and_by_label(shared: Live) -> None:
    assert answer(shared, "get", "-A", "-o", "name").splitlines() == [
        "modelsplit.meshsplit.dev/mnist",
        "modelsplit.meshsplit.dev/detect",
    ]
    assert answer(shared, "get", "-A", "-l", "team=x").startswith("No ModelSplits in the cluster.")
    assert answer(shared, "get", "-A", "-l", "team=x", "-o", "name") == ""
    empty = answer(shared, "get", "-n", "default")
    assert empty == "No ModelSplits in namespace default.\nNext: meshsplit get -A\n"


def test_get_as_a_report(shared: Live) -> None:
    report = json.loads(answer(shared, "get", "-A", "-o", "json"))
    assert (report["apiVersion"], report["kind"]) == ("cli.meshsplit.dev/v1alpha1", "SplitReport")
    assert report["generatedAt"] == SINCE
    first, second = report["splits"]
    assert (first["namespace"], first["name"], first["status"], first["ready"]) == (
        "models",
        "mnist",
        "Steady",
        "True",
    )
    assert first["members"][1] == {
        "name": "mnist-v2",
        "role": "canary",
        "targetWeight": 20,
        "weight": 20,
        "measuredPercent": None,
        "ready": True,
    }
    assert (first["attention"], second["attention"]) == (None, WRONG_SUM)
    assert yaml.safe_load(answer(shared, "get", "-A", "-o", "yaml")) == report


def test_get_of_a_name_that_is_not_there_tells_what_is(shared: Live) -> None:
    result = shared.run("get", "mnst", "-n", "models")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no ModelSplit mnst in namespace models; there is mnist\nNext: meshsplit get -A" in result.stderr


def test_colour_says_what_a_word_says_too(shared: Live) -> None:
    painted = shared.run("get", "-A", "--color", "always").stdout
    assert "\x1b[31m\x1b[1m! vision/detect\x1b[0m: " in painted
    assert AGE.sub("0s", re.sub(r"\x1b\[\d+m", "", painted)) == GET_ALL
    assert (
        "\x1b[32m✔ Steady\x1b[0m, 80 / 20"
        in shared.run("status", "mnist", "-n", "models", "--color", "always").stdout
    )
    assert "\x1b[33m‼ warning:\x1b[0m" in shared.run("check", "--color", "always").stdout


def test_a_group_that_no_controller_saw_is_told_from_a_typing_mistake(shared: Live) -> None:
    result = shared.run("status", "another", "-n", "models")
    assert result.exit_code == 2
    assert "no ModelSplit another in namespace models, though other carry that tag" in result.stderr
    assert "Next: meshsplit check -n models" in result.stderr


STATUS = """\
mnist · models      ✔ Steady, 80 / 20

          mnist-v1 (stable)  mnist-v2 (canary)
  Target          80                 20         annotations, last changed by argocd-controller at 2026-01-01T00:00:00Z
  Now             80                 20         VirtualService mnist-splitting

NAME                KIND              STATUS      WEIGHT  INFO
⇶ mnist             ModelSplit        ✔ Steady    -       80 / 20
├─ mnist-v1         InferenceService  ✔ Ready     80      stable
├─ mnist-v2         InferenceService  ✔ Ready     20      canary
└─ mnist-splitting  VirtualService    ✔ Accepted  -       * at istio-system/odh

Next: meshsplit explain mnist -n models
"""  # noqa: E501 - the line is what is printed


def test_status_shows_target_now_and_the_tree(shared: Live) -> None:
    assert answer(shared, "status", "mnist", "-n", "models") == STATUS


def test_status_in_ascii_is_ascii_and_wide_has_every_condition(shared: Live) -> None:
    text = answer(shared, "status", "mnist", "-n", "models", "-o", "wide", "--ascii")
    assert text.isascii()
    assert "`- mnist-splitting  VirtualService    + Accepted" in text
    conditions = text.partition("CONDITION")[2].splitlines()[1:5]
    assert [line.split()[:3] for line in conditions] == [
        ["Ready", "True", "Steady"],
        ["RoutesAccepted", "True", "Accepted"],
        ["Stalled", "False", "NotStalled"],
        ["WeightsValid", "True", "SumIs100"],
    ]


def test_status_of_a_broken_group_says_what_is_missing(shared: Live) -> None:
    lines = answer(shared, "status", "detect", "-n", "vision").splitlines()
    assert lines[0] == "detect · vision      ✖ Invalid, 80 / 20!"
    assert lines[1] == f"! {WRONG_SUM}"
    tree = [re.split(r"  +", line) for line in lines if line.startswith(("├", "└"))]
    assert tree == [
        ["├─ detect-1", "InferenceService", "✖ Missing", "80", "stable"],
        ["├─ detect-2", "InferenceService", "✖ Missing", "20", "canary"],
        ["└─ detect-splitting", "VirtualService", "✖ Missing", "-", "not written"],
    ]
    conditions = [line.split()[0] for line in lines if SINCE in line]
    assert conditions == ["Stalled", "WeightsValid"]


def test_status_as_a_graph(shared: Live) -> None:
    text = answer(shared, "status", "mnist", "-n", "models", "-o", "dot")
    assert text.startswith('digraph "models/mnist" {\n')
    assert (
        r'"InferenceService/mnist-v2" [label="InferenceService\nmnist-v2\nReady", color=darkgreen];' in text
    )
    assert '"ModelSplit/mnist" -> "InferenceService/mnist-v2" [label="20"];' in text
    assert text.count("{") == text.count("}") == 1


def test_status_as_a_report_says_who_wrote_the_target(shared: Live) -> None:
    (split,) = json.loads(answer(shared, "status", "mnist", "-n", "models", "-o", "json"))["splits"]
    assert (split["targetFrom"], split["targets"]) == ("Annotations", {"mnist-v1": "80", "mnist-v2": "20"})
    assert split["targetAuthors"] == [
        {"manager": "argocd-controller", "time": SINCE, "objects": ["mnist-v1", "mnist-v2"]}
    ]
    assert split["routed"] == {"mnist-v1": 80, "mnist-v2": 20}
    assert [(entry["kind"], entry["status"]) for entry in split["objects"]] == [
        ("ModelSplit", "Steady"),
        ("InferenceService", "Ready"),
        ("InferenceService", "Ready"),
        ("VirtualService", "Accepted"),
    ]


def test_status_by_name(shared: Live) -> None:
    text = answer(shared, "status", "mnist", "-n", "models", "-o", "name")
    assert text == "modelsplit.meshsplit.dev/mnist\n"


EXPLAIN = """\
Why is vision/detect at 80 / 20?
  Ready is False since 2026-01-01T00:00:00Z: Invalid, detect-1 80 + detect-2 30 = 110, want 100
    (MSP101); serving the last valid split: 80, 20
"""


def test_explain_says_why_who_and_what_to_do(shared: Live) -> None:
    text = answer(shared, "explain", "detect", "-n", "vision")
    assert text.startswith(EXPLAIN)
    assert "  What is asked for is not valid. The last valid split goes on serving until it is.\n" in text
    assert "Who owns which number\n  target  - / -     annotations\n" in text
    assert "  now     80 / 20   nobody: there is no VirtualService\n" in text
    assert "\nMSP101  percentages of a group do not add up to 100\n" in text
    assert text.endswith("\nNext: meshsplit explain MSP101\n")
    assert max(map(len, text.splitlines())) <= 100


def test_explain_of_a_healthy_group(shared: Live) -> None:
    lines = answer(shared, "explain", "mnist", "-n", "models").splitlines()
    assert lines[0] == "Why is models/mnist at 80 / 20?"
    assert lines[-3:] == [
        f"  target  80 / 20   annotations, last changed by argocd-controller at {SINCE}",
        "  now     80 / 20   meshsplit, VirtualService models/mnist-splitting",
        "Next: meshsplit status mnist -n models",
    ]


def test_explain_as_a_report(shared: Live) -> None:
    split = json.loads(answer(shared, "explain", "detect", "-n", "vision", "-o", "json"))["split"]
    assert [rule["code"] for rule in split["rules"]] == ["MSP101"]
    assert split["meaning"].startswith("What is asked for is not valid.")
    assert split["otherManagers"] == []


def test_the_next_command_leads_to_the_same_cluster(shared: Live) -> None:
    flags = ["--kubeconfig", str(shared.kubeconfig), "--context", "meshsplit"]
    text = answer(shared, "get", "-A", *flags)
    assert text.endswith(
        f"Next: meshsplit explain detect -n vision --kubeconfig {shared.kubeconfig} --context meshsplit\n"
    )


def test_weights_in_the_split_are_told_with_its_generation(live: Live) -> None:
    spec = {"weightsFrom": "Spec", "members": [{"name": "a", "weight": 100}, {"name": "b", "weight": 0}]}
    live.write(kinds.MODEL_SPLITS, make_split("scorer", spec=spec), "flux")
    text = answer(live, "explain", "scorer", "-n", "models")
    assert "target  100 / 0   ModelSplit scorer, last changed by flux at " in text
    assert ", generation 1\n" in text
    assert "No controller has looked at it: its status is empty." in text
    assert text.endswith("Next: meshsplit check -n models\n")


def test_several_authors_and_a_hand_on_the_route_are_told_apart(live: Live) -> None:
    live.write(kinds.MODEL_SPLITS, STEADY, "meshsplit")
    live.write(kinds.INFERENCE_SERVICES, make_member("mnist-v1", "mnist", "80"))
    live.write(kinds.INFERENCE_SERVICES, make_member("mnist-v2", "mnist", "20"), "kubectl-edit")
    live.write(kinds.virtual_services("v1"), make_route("mnist-splitting", annotations=WEIGHTS), "meshsplit")
    edit = {"spec": {"hosts": ["x.example.com"]}}
    live.client("kubectl-patch").patch(kinds.virtual_services("v1"), "models", "mnist-splitting", edit)
    text = answer(live, "explain", "mnist", "-n", "models")
    assert f"argocd-controller at {SINCE} (mnist-v1)" in text
    assert f"kubectl-edit at {SINCE} (mnist-v2)" in text
    assert "VirtualService models/mnist-splitting, also changed by kubectl-patch" in text


def test_status_notes_what_does_not_agree(live: Live) -> None:
    live.write(kinds.MODEL_SPLITS, STEADY, "meshsplit")
    live.client().patch(kinds.MODEL_SPLITS, "models", "mnist", {"spec": {"stableMember": "mnist-v1"}})
    moved = {**WEIGHTS, "meshsplit.dev/weights": "mnist-v1=60,mnist-v2=40"}
    live.write(kinds.virtual_services("v1"), make_route("mnist-splitting", annotations=moved), "meshsplit")
    not_ready = make_member(
        "mnist-v2", "mnist", "20%", status="False", reason="Failed", message="no such model"
    )
    live.write(kinds.INFERENCE_SERVICES, not_ready)
    text = answer(live, "status", "mnist", "-n", "models")
    assert "! the status is of generation 1, the object is at 2\n" in text
    assert "! VirtualService mnist-splitting says mnist-v1=60,mnist-v2=40, the status does not\n" in text
    assert "✖ NotReady  20      canary, no such model" in text
    assert re.search(r"^  Target +80 +20%", text, re.MULTILINE)


def test_a_target_that_is_written_nowhere_any_more_is_percent_of_thousandths_too(live: Live) -> None:
    status = {**STEADY["status"], "total": 1000, "weight": "92.5 / 7.5"}
    status["members"] = [
        {**each, "weight": weight} for each, weight in zip(status["members"], (925, 75), strict=True)
    ]
    live.write(kinds.MODEL_SPLITS, {**STEADY, "status": status}, "meshsplit")
    text = answer(live, "status", "mnist", "-n", "models")
    assert re.search(r"^  Target +80 +20 ", text, re.MULTILINE)
    assert re.search(r"^  Now +92.5 +7.5 ", text, re.MULTILINE)


def test_a_foreign_route_is_not_taken_for_ours(live: Live) -> None:
    live.write(kinds.MODEL_SPLITS, STEADY, "meshsplit")
    foreign = make_route("mnist-splitting")
    foreign["metadata"]["labels"] = {}
    live.write(kinds.virtual_services("v1"), foreign, "helm")
    text = answer(live, "status", "mnist", "-n", "models")
    assert re.search(r"mnist-splitting +VirtualService +✖ Foreign +- +not made by meshsplit", text)


def test_an_older_istio_is_read_too(tmp_path: Path) -> None:
    from support.live import KSERVE, MESHSPLIT, make_crd

    old = make_crd(kinds.virtual_services("v1"), "v1beta1")
    with live_cluster(tmp_path, *MESHSPLIT, *KSERVE, old) as live:
        live.write(kinds.NAMESPACES, make_namespace("models"))
        live.write(kinds.MODEL_SPLITS, STEADY, "meshsplit")
        route = make_route("mnist-splitting", annotations=WEIGHTS)
        live.write(kinds.virtual_services("v1beta1"), route, "meshsplit")
        assert "✔ Accepted" in answer(live, "status", "mnist", "-n", "models")


REFUSALS = [
    (Fault(code=401, times=0), "30s", "does not know you (401)"),
    (Fault(path="modelsplits", code=403, times=0), "30s", "you may not list modelsplits.meshsplit.dev"),
    (Fault(path="modelsplits", code=500, times=0), "30s", "the API answered 500"),
    (Fault(path="modelsplits", delay=30.0, times=0), "500ms", "no answer in time (--request-timeout)"),
]


@pytest.mark.parametrize(("fault", "patience", "told"), REFUSALS, ids=lambda each: getattr(each, "code", ""))
def test_a_cluster_that_says_no_is_one_message_and_exit_2(
    live: Live, fault: Fault, patience: str, told: str
) -> None:
    live.faults.add(fault)
    result = live.run("get", "-A", "--request-timeout", patience)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Next: kubectl ")


def test_a_cluster_without_the_crd_says_what_to_install(tmp_path: Path) -> None:
    with live_cluster(tmp_path) as bare:
        result = bare.run("get", "-A")
        assert result.exit_code == 2
        assert "the cluster does not know modelsplits.meshsplit.dev" in result.stderr
        assert "fix: meshsplit install --export --crds-only | kubectl apply -f -" in result.stderr
    gone = bare.run("get", "-A")
    assert gone.exit_code == 2
    assert f"cannot reach the API at {bare.server.url}: Connection refused" in gone.stderr


def test_names_are_completed_from_the_cluster(shared: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(shared.kubeconfig))
    for verb in ("get", "status", "explain"):
        assert complete(cli, [verb, "-n", "models", "mn"]) == "mnist\n:4"
    assert complete(cli, ["get", "-n", "models", "x"]) == "\n:4".strip()
    monkeypatch.setenv("KUBECONFIG", "nothing-here")
    assert complete(cli, ["get", "-n", "models", "mn"]) == ":4"


def test_the_page_for_people_on_call_shows_what_is_printed() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    for command, printed in (
        ("get -A", GET_ALL),
        ("status mnist -n models", STATUS),
        ("explain detect -n vision", EXPLAIN),
    ):
        assert f"```text\n$ meshsplit {command}\n{printed}" in page
