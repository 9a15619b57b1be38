from meshsplit.cli.findings import Counts, Located, count, locate_findings, make_places, without_silenced
from meshsplit.cli.terminal import Style
from meshsplit.cli.text import next_to_explain, to_summary, to_text
from meshsplit.diagnostics import Finding, ObjectRef, Position, Related, Severity
from meshsplit.manifests.reader import ReadResult, read_text
from meshsplit.model import Endpoint, Group, GroupKey, Outcome, RestStrategy, Routing

MEMBERS = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: mnist-v1
  namespace: models
  labels:
    serving.kserve.io/model-tag: mnist
  annotations:
    # meshsplit: ignore[MSP701, MSP102]
    serving.kserve.io/canaryTrafficPercent: "80"
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: mnist-v2
  namespace: models
  annotations:
    meshsplit.dev/ignore: msp213 , MSP205
    serving.kserve.io/canaryTrafficPercent: "30"
"""
PERCENT = ("metadata", "annotations", "serving.kserve.io/canaryTrafficPercent")
V1 = ObjectRef("InferenceService", "models", "mnist-v1")
V2 = ObjectRef("InferenceService", "models", "mnist-v2")
SPLITTING = ObjectRef("VirtualService", "models", "mnist-splitting")


def read() -> ReadResult:
    return read_text(MEMBERS, "mnist.yaml")


def locate(*findings: Finding) -> tuple[Located, ...]:
    return locate_findings(findings, make_places(read().documents))


def codes(located: tuple[Located, ...]) -> list[str]:
    return [each.finding.code for each in located]


def make_outcome(source: ObjectRef | None) -> Outcome:
    routing = Routing(("*",), ("istio-system/gw",), RestStrategy.SINGLE_HOP, Endpoint("gw", 80))
    group = Group(GroupKey("models", "mnist"), (), None, routing, source=source)
    return Outcome(group, None)


def virtual_service(name: str, tag: str | None) -> dict[str, object]:
    annotations = {"serving.kserve.io/model-tag": tag} if tag else {}
    return {
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "models", "annotations": annotations},
    }


def test_a_finding_points_at_the_offending_field() -> None:
    (located,) = locate(Finding("MSP101", "no", V1, PERCENT))
    assert located.position == Position("mnist.yaml", 10, 45)
    assert located.severity is Severity.ERROR


def test_a_missing_field_points_at_the_parent_it_would_be_written_under() -> None:
    (located,) = locate(Finding("MSP201", "no", V2, ("metadata", "labels", "x")))
    assert located.position == Position("mnist.yaml", 14, 1)


def test_findings_are_sorted_by_place_and_then_by_code_and_those_without_place_come_last() -> None:
    located = locate(
        Finding("MSP206", "nowhere", ObjectRef("Gateway", "istio-system", "gw")),
        Finding("MSP701", "late", V2, PERCENT),
        Finding("MSP102", "late", V2, PERCENT),
        Finding("MSP101", "early", V1, PERCENT),
        Finding("MSP001", "in another file", position=Position("a.yaml", 99, 1)),
    )
    assert codes(located) == ["MSP001", "MSP101", "MSP102", "MSP701", "MSP206"]


def test_the_same_finding_from_two_sides_counts_once() -> None:
    finding = Finding("MSP101", "no", V1, PERCENT)
    assert len(locate(finding, Finding("MSP101", "no", V1, PERCENT))) == 1
    assert len(locate(finding, Finding("MSP101", "other", V1, PERCENT))) == 2


def test_a_generated_object_is_placed_at_what_it_was_made_from() -> None:
    documents = read().documents
    finding = Finding("MSP308", "refused", SPLITTING, ("spec", "hosts"))
    group = [virtual_service("mnist-splitting", "mnist")]

    places = make_places(documents, group, [make_outcome(source=V2)])
    assert locate_findings([finding], places)[0].position == Position("mnist.yaml", 15, 9)

    model = make_places(documents, [virtual_service("mnist-v1", None)])
    of_model = Finding("MSP308", "refused", ObjectRef("VirtualService", "models", "mnist-v1"))
    assert locate_findings([of_model], model)[0].position == Position("mnist.yaml", 4, 9)


def test_a_comment_on_the_line_above_silences_its_codes_there_only() -> None:
    read_result = read()
    places = make_places(read_result.documents)
    located = locate(
        Finding("MSP701", "silenced", V1, PERCENT),
        Finding("MSP101", "another code", V1, PERCENT),
        Finding("MSP701", "another line", V2, PERCENT),
    )
    kept = without_silenced(located, places, read_result.ignores)
    assert [(each.finding.code, each.finding.message) for each in kept] == [
        ("MSP101", "another code"),
        ("MSP701", "another line"),
    ]


def test_an_annotation_silences_its_codes_on_the_whole_object() -> None:
    places = make_places(read().documents)
    located = locate(
        Finding("MSP213", "x", V2, ("spec",)), Finding("MSP205", "x", V2), Finding("MSP213", "x", V1)
    )
    kept = without_silenced(located, places, {})
    assert [(each.finding.code, each.finding.object) for each in kept] == [("MSP213", V1)]


def test_a_code_can_be_silenced_for_one_run() -> None:
    located = locate(Finding("MSP213", "x", V1), Finding("MSP101", "x", V1))
    assert codes(without_silenced(located, make_places(()), {}, ["MSP101"])) == ["MSP213"]


def test_an_ignore_annotation_that_is_no_text_silences_nothing() -> None:
    text = MEMBERS.replace("msp213 , MSP205", "[MSP213]")
    places = make_places(read_text(text, "mnist.yaml").documents)
    located = locate_findings([Finding("MSP213", "x", V2)], places)
    assert codes(without_silenced(located, places, {})) == ["MSP213"]


def test_the_layout_of_a_finding() -> None:
    located = locate(
        Finding(
            "MSP101",
            "percentages of group mnist add up to 110, not 100",
            V1,
            PERCENT,
            fix="set mnist-v2 to 20",
            details=("Istio would accept this and serve 72.7 / 27.3.",),
            related=(
                Related("mnist-v1  80", V1, PERCENT),
                Related("mnist-v22  30", V2, PERCENT),
                Related("elsewhere", ObjectRef("Gateway", "istio-system", "gw")),
            ),
        ),
        Finding("MSP206", "201 groups share host *", ObjectRef("Gateway", "istio-system", "gw")),
    )
    assert to_text(located, Style()) == (
        "mnist.yaml:10:45: error MSP101 percentages of group mnist add up to 110, not 100\n"
        "    mnist-v1  80    mnist.yaml:10\n"
        "    mnist-v22  30   mnist.yaml:19\n"
        "    elsewhere       Gateway istio-system/gw\n"
        "  Istio would accept this and serve 72.7 / 27.3.\n"
        "  fix: set mnist-v2 to 20\n"
        "\n"
        "Gateway istio-system/gw: note MSP206 201 groups share host *"
    )


def test_text_from_a_manifest_cannot_steer_the_terminal() -> None:
    finding = Finding("MSP102", "value \x1b[2J", fix="do\nthis", position=Position("a\x07.yaml", 1, 1))
    text = to_text(locate(finding), Style())
    assert text == "a\\x07.yaml:1:1: error MSP102 value \\x1b[2J\n  fix: do\\nthis"


def test_the_summary_counts_and_knows_one_from_many() -> None:
    assert to_summary(Counts(14, 5, 3, 2, 1, 1)) == (
        "Checked 14 documents in 5 files, 3 groups: 2 errors, 1 warning, 1 note."
    )
    assert to_summary(Counts(1, 1, 1, 0, 0, 2)) == (
        "Checked 1 document in 1 file, 1 group: 0 errors, 0 warnings, 2 notes."
    )


def test_counts_are_by_severity() -> None:
    located = locate(
        Finding("MSP101", "x"), Finding("MSP102", "x"), Finding("MSP105", "x"), Finding("MSP205", "x")
    )
    counts = count(located, read().documents, 1, ["a", "b", "a"])
    assert counts == Counts(documents=2, files=2, groups=1, errors=2, warnings=1, notes=1)


def test_the_gravest_finding_is_the_one_to_explain() -> None:
    located = locate(Finding("MSP205", "x", V1), Finding("MSP106", "x", V2), Finding("MSP701", "x", V1))
    assert next_to_explain(located, "kubectl meshsplit") == "Explain one: kubectl meshsplit explain MSP106"
