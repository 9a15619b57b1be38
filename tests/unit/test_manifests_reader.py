"""Reading YAML manifests: objects, one finding for each broken thing, and everything after it still read."""

import pytest
import yaml

from meshsplit.diagnostics import Finding, ObjectRef, Position
from meshsplit.manifests import ReadResult, read_text
from meshsplit.manifests.construct import construct
from meshsplit.manifests.syntax import MAX_DEPTH, Problem
from meshsplit.manifests.tree import MAX_ALIASED_NODES, compose

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"


def read(text: str) -> ReadResult:
    return read_text(text, "in.yaml")


def names(result: ReadResult) -> list[str]:
    return [document.ref.name for document in result.documents]


def the_finding(result: ReadResult, code: str) -> Finding:
    assert [finding.code for finding in result.findings] == [code]
    return result.findings[0]


def place(finding: Finding) -> tuple[int, int]:
    assert finding.position is not None
    assert finding.position.file == "in.yaml"
    return finding.position.line, finding.position.column


def spec(yaml_text: str) -> object:
    result = read(POD % "a" + "spec:\n" + "".join(f"  {line}\n" for line in yaml_text.splitlines()))
    assert result.findings == ()
    return result.documents[0].body["spec"]


def test_documents_come_in_order_with_their_text_and_line() -> None:
    result = read("# top\n" + POD % "a" + "---\n" + POD % "b")
    assert names(result) == ["a", "b"]
    assert [document.first_line for document in result.documents] == [1, 6]
    assert result.documents[1].text == POD % "b"
    assert result.findings == ()


def test_a_missing_namespace_is_the_default_and_is_filled_in() -> None:
    result = read_text(POD % "a", "in.yaml", default_namespace="models")
    assert result.documents[0].ref == ObjectRef("Pod", "models", "a")
    assert result.documents[0].body["metadata"] == {"name": "a", "namespace": "models"}


def test_a_given_namespace_stays() -> None:
    result = read(POD % "a, namespace: prod")
    assert result.documents[0].ref == ObjectRef("Pod", "prod", "a")


def test_cluster_scoped_kinds_have_no_namespace() -> None:
    result = read((POD % "a").replace("Pod", "Namespace"))
    assert result.documents[0].ref == ObjectRef("Namespace", "", "a")
    assert result.documents[0].body["metadata"] == {"name": "a"}


def test_documents_between_separators_may_be_empty() -> None:
    result = read("---\n---\n# nothing\n---  # text\n" + POD % "a" + "---\n")
    assert names(result) == ["a"]
    assert result.findings == ()


@pytest.mark.parametrize("text", ["", "\n", "# only\n# comments\n", "---\n---\n", "null\n", "\ufeff"])
def test_a_file_without_objects_is_one_note(text: str) -> None:
    assert place(the_finding(read(text), "MSP004")) == (1, 1)


def test_crlf_is_one_note_and_everything_is_read() -> None:
    result = read((POD % "a" + "---\n" + POD % "b").replace("\n", "\r\n"))
    assert names(result) == ["a", "b"]
    assert place(the_finding(result, "MSP005")) == (1, 15)


def test_crlf_in_a_block_scalar_is_read_as_lf() -> None:
    result = read((POD % "a" + "data:\n  x: |\n    1\n    2\n").replace("\n", "\r\n"))
    assert result.documents[0].body["data"] == {"x": "1\n2\n"}


def test_a_byte_order_mark_is_skipped() -> None:
    assert names(read("\ufeff" + POD % "a")) == ["a"]


@pytest.mark.parametrize(
    ("broken", "line", "column"),
    [
        ("a: b: c\n", 5, 5),
        ("a: [1, 2\n", 6, 1),
        ("a: 'x\n", 5, 4),
        ("\ta: b\n", 5, 1),
        ("a: *nowhere\n", 5, 4),
        ("a: &x [*x]\n", 5, 8),
        ("a: .inf\n", 5, 4),
        ("? [a]\n: b\n", 5, 3),
        ("? \n: b\n", 5, 2),
        ("<<: 5\na: b\n", 5, 5),
        ("a: !!int x\n", 5, 4),
        ("a: b\n...\nc: d\n", 7, 1),
        ("😀: x\ud800\n", 5, 5),
        ("a: \udcff\n", 5, 4),
        ("a: \0\n", 5, 4),
        ("a: \x07\n", 5, 4),
        ("name: {{ .Values.name }}-x\n", 5, 25),
    ],
)
def test_a_broken_document_is_one_finding_and_its_neighbours_are_read(
    broken: str, line: int, column: int
) -> None:
    result = read(POD % "before" + "---\n" + broken + "---\n" + POD % "after")
    finding = the_finding(result, "MSP001")
    assert place(finding) == (line, column)
    assert finding.message
    assert finding.fix
    assert names(result) == ["before", "after"]


def test_bytes_that_are_not_utf8_are_named() -> None:
    assert "0xff" in the_finding(read("a: \udcff\n"), "MSP001").message


def test_a_template_is_recognised() -> None:
    assert "template" in the_finding(read("a: {{ x }}-y\n"), "MSP001").fix


def test_text_after_a_separator_is_refused_as_kubectl_does() -> None:
    result = read(POD % "a" + "--- {a: b}\nc: d\n---\n" + POD % "b")
    assert place(the_finding(result, "MSP001")) == (4, 5)
    assert names(result) == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "[" * 100_000,
        "[\n" * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        '{"a":' * 100_000,
        '{"a":\n' * 100_000,
        "{a: " * 100_000,
        '{"a": ' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}",
        "\n".join(" " * depth + "a:" for depth in range(2_000)),
        "a0: &a0 [x]\n" + "".join(f"a{at}: &a{at} [*a{at - 1}]\n" for at in range(1, 300)),
    ],
)
def test_deep_nesting_is_one_finding(text: str) -> None:
    assert f"{MAX_DEPTH} levels" in the_finding(read(text), "MSP001").message


def test_nesting_up_to_the_limit_is_read() -> None:
    inner = MAX_DEPTH - 1
    assert construct_or_fail("a: " + "[" * inner + "]" * inner) is not None
    assert isinstance(compose("a: " + "[" * (inner + 1) + "]" * (inner + 1)), Problem)


def construct_or_fail(text: str) -> object:
    root = compose(text)
    assert root is not None
    assert not isinstance(root, Problem)
    value, problems = construct(root)
    assert problems == ()
    return value


def test_an_alias_bomb_is_a_finding() -> None:
    rows = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 12)]
    finding = the_finding(read("a0: &a0 [x]\n" + "\n".join(rows)), "MSP001")
    assert f"{MAX_ALIASED_NODES:,}" in finding.message


def test_aliases_and_merges_are_expanded_in_order_of_writing() -> None:
    assert spec("base: &b {x: 1, y2: 2}\none: *b\ntwo:\n  <<: *b\n  x: 3\nthree:\n  x: 3\n  <<: *b") == {
        "base": {"x": 1, "y2": 2},
        "one": {"x": 1, "y2": 2},
        "two": {"x": 3, "y2": 2},
        "three": {"x": 1, "y2": 2},  # goyaml v2 lets a later merge win
    }


def test_of_several_merged_mappings_the_first_wins() -> None:
    assert spec("a: {<<: [{x: 1}, {x: 2, z: 3}]}") == {"a": {"x": 1, "z": 3}}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert spec('"<<": {x: 1}') == {"<<": {"x": 1}}


def test_strings_in_quotes_and_blocks_stay_strings() -> None:
    assert spec("a: \"1e3\"\nb: 'yes'\nc: |-\n  5\nd: !!str 5\ne: ! y") == {
        "a": "1e3",
        "b": "yes",
        "c": "5",
        "d": "5",
        "e": "y",
    }


def test_keys_of_other_kinds_become_strings_as_kubectl_makes_them() -> None:
    assert spec("8080: a\ny: b\n1.5: c\n.inf: d") == {"8080": "a", "true": "b", "1.5": "c", ".inf": "d"}


def test_a_key_of_an_object_that_is_read_must_be_a_string() -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels:\n    y: b\n"
    result = read(text)
    finding = the_finding(result, "MSP007")
    assert place(finding) == (6, 5)
    assert finding.path == ("metadata", "labels", "true")
    assert '"y"' in finding.fix
    assert result.documents[0].body["metadata"]["labels"] == {"true": "b"}


def test_duplicate_keys_are_one_finding_with_their_count() -> None:
    result = read(POD % "a" + "kind: X\nspec: {x: 1, x: 2}\n---\n" + POD % "b")
    finding = the_finding(result, "MSP003")
    assert place(finding) == (4, 1)
    assert '"kind"' in finding.message
    assert "1 more" in finding.message
    assert names(result) == ["b"]


def test_keys_that_differ_only_in_writing_are_duplicates() -> None:
    assert the_finding(read(POD % "a" + 'spec: {1: a, "1": b}\n'), "MSP003")


@pytest.mark.parametrize(
    ("text", "line", "column", "fact"),
    [
        ("- a\n", 1, 1, "a list"),
        ("5\n", 1, 1, "5, a number"),
        ("just text\n", 1, 1, '"just text"'),
        ("{}\n", 1, 1, "no apiVersion, no kind, no metadata.name"),
        ("kind: Pod\nmetadata: {name: a}\n", 1, 1, "no apiVersion"),
        ("apiVersion: v1\nkind: Pod\n", 1, 1, "no metadata.name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}\n", 3, 1, "no metadata.name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: []\n", 3, 11, "a list"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n", 3, 26, "generateName"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: 1e3}\n", 3, 18, "1000, a number"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: no}\n", 3, 32, "false, a boolean"),
        ("apiVersion: 1\nkind: Pod\nmetadata: {name: a}\n", 1, 13, "1, a number"),
    ],
)
def test_what_is_no_kubernetes_object_is_one_finding(text: str, line: int, column: int, fact: str) -> None:
    result = read("# first line\n" + text + "---\n" + POD % "after")
    finding = the_finding(result, "MSP002")
    assert place(finding) == (line + 1, column)
    assert fact in finding.message
    assert names(result) == ["after"]


def test_the_fix_of_a_number_as_name_quotes_what_was_written() -> None:
    finding = the_finding(read("apiVersion: v1\nkind: Pod\nmetadata: {name: 1e3}\n"), "MSP002")
    assert finding.fix == 'quote it: "1e3"'


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a}
- apiVersion: v1
  kind: Pod
  metadata: {name: b, name: c}
- just text
-
- apiVersion: v1
  kind: Pod
  metadata: {name: d, x: .inf}
- kind: PodList
  items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: e}
"""


def test_a_list_is_taken_apart_and_each_bad_item_is_one_finding() -> None:
    result = read(LIST)
    assert [(document.ref.name, document.item) for document in result.documents] == [
        ("a", ("items", 0)),
        ("e", ("items", 5, "items", 0)),
    ]
    assert [(finding.code, *place(finding)) for finding in result.findings] == [
        ("MSP003", 9, 23),
        ("MSP002", 10, 3),
        ("MSP002", 11, 2),
        ("MSP001", 14, 26),
    ]


def test_a_problem_of_the_list_itself_is_one_finding() -> None:
    result = read(LIST.replace("kind: List", "kind: List\nkind: List"))
    assert place(the_finding(result, "MSP003")) == (3, 1)


def test_items_of_a_typed_list_take_its_kind() -> None:
    result = read("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n")
    assert result.documents[0].ref == ObjectRef("Pod", "default", "a")
    assert result.documents[0].body["apiVersion"] == "v1"


def test_a_kind_that_only_ends_in_list_is_an_object() -> None:
    result = read("apiVersion: x/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {items: []}\n")
    assert names(result) == ["a"]


def test_an_empty_list_is_a_file_without_objects() -> None:
    assert the_finding(read("apiVersion: v1\nkind: List\nitems: []\n"), "MSP004")


LABELLED = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: a
  labels: {port: 8080, ok: "1", mode: yes, none: null}
  annotations:
    serving.kserve.io/canaryTrafficPercent: 80
    ratio: 1e3
    list: []
"""


def test_labels_and_annotations_must_be_strings_and_the_object_stays() -> None:
    result = read(LABELLED)
    assert [(f.code, *place(f), f.path[1:], f.fix) for f in result.findings] == [
        ("MSP007", 5, 18, ("labels", "port"), 'quote it: "8080"'),
        ("MSP007", 5, 39, ("labels", "mode"), 'quote it: "yes"'),
        ("MSP007", 8, 12, ("annotations", "ratio"), 'quote it: "1e3"'),
        ("MSP007", 9, 11, ("annotations", "list"), "write a string"),
    ]
    assert {f.object for f in result.findings} == {ObjectRef("InferenceService", "default", "a")}
    metadata = result.documents[0].body["metadata"]
    assert metadata["labels"] == {"port": 8080, "ok": "1", "mode": True, "none": None}
    assert metadata["annotations"]["serving.kserve.io/canaryTrafficPercent"] == 80


def test_labels_that_are_no_mapping_are_a_finding() -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: [x]}\n"
    finding = the_finding(read(text), "MSP007")
    assert finding.path == ("metadata", "labels")
    assert "mapping" in finding.message


def test_labels_of_foreign_kinds_pass() -> None:
    assert read(LABELLED.replace("InferenceService", "ConfigMap")).findings == ()


def test_comments_silence_their_own_line_or_the_next_that_is_none() -> None:
    result = read(
        POD % "a"
        + "# meshsplit: ignore[MSP403]\n"
        + "#meshsplit:ignore[MSP101, MSP102]\n"
        + "spec:\n"
        + "  a: 1 # meshsplit: ignore[MSP007]\n"
        + "  b: x#meshsplit: ignore[MSP008]\n"
    )
    assert result.ignores == {
        ("in.yaml", 6): frozenset({"MSP403", "MSP101", "MSP102"}),
        ("in.yaml", 7): frozenset({"MSP007"}),
    }


def test_lines_and_columns_count_from_one_in_characters() -> None:
    result = read("# 😀 é\n---\nkind: 😀\nmetadata: {name: a, x😀: 5}\n")
    assert result.findings[0].position == Position("in.yaml", 3, 1)


@pytest.mark.parametrize("text", [LIST, LABELLED, "a: &x {b: 'c'}\nd: *x\n? e\n: - [f, 1e3]\n  - |\n    g\n"])
def test_pyyamls_own_parser_reads_the_same_where_libyaml_is_missing(text: str) -> None:
    assert compose(text, loader=yaml.SafeLoader) == compose(text)


@pytest.mark.parametrize("text", ["a: b: c", "a: 'x", "\ta", "a: [", '"\\U99999999"', "a: *x", "\0"])
def test_pyyamls_own_parser_refuses_the_same_where_libyaml_is_missing(text: str) -> None:
    assert isinstance(compose(text, loader=yaml.SafeLoader), Problem)
    assert isinstance(compose(text), Problem)
