"""Several inputs as one: the same object twice."""

from itertools import permutations

import pytest

from meshsplit.manifests import ReadResult, combine, read_text

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {size: %s}\n"


def read(file: str, text: str) -> ReadResult:
    return read_text(text, file)


def test_documents_are_sorted_by_object_and_findings_by_place() -> None:
    pods = [f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n" for name in ("c", "a", "b")]
    result = combine(
        [read("z.yaml", pods[0] + "---\n5\n"), read("b.yaml", pods[1]), read("a.yaml", "5\n---\n" + pods[2])]
    )
    assert [document.ref.name for document in result.documents] == ["a", "b", "c"]
    assert [finding.position.file for finding in result.findings if finding.position] == ["a.yaml", "z.yaml"]


def test_the_same_content_twice_is_kept_once_without_a_word() -> None:
    same = "{kind: Pod, apiVersion: v1, spec: {size: 1}, metadata: {namespace: default, name: a}}"
    result = combine([read("b.yaml", POD % 1), read("a.yaml", same)])
    assert [document.file for document in result.documents] == ["a.yaml"]
    assert result.findings == ()


@pytest.mark.parametrize("order", list(permutations([("a.yaml", "3"), ("b.yaml", "1"), ("c.yaml", "2")])))
def test_different_content_is_one_finding_and_the_order_of_input_changes_nothing(
    order: tuple[tuple[str, str], ...],
) -> None:
    result = combine([read(file, POD % size) for file, size in order])
    assert [(document.file, document.body["spec"]) for document in result.documents] == [
        ("b.yaml", {"size": 1})
    ]
    (finding,) = result.findings
    assert finding.code == "MSP006"
    assert "3 times" in finding.message
    assert "a.yaml:3, b.yaml:3 and 1 more" in finding.message
    assert finding.details[:3] == ("a.yaml:3", "b.yaml:3", "c.yaml:3")
    assert "Used: b.yaml:3" in finding.details[3]
    assert finding.object == result.documents[0].ref
    assert finding.position is not None
    assert (finding.position.file, finding.position.line) == ("b.yaml", 3)


def test_the_same_object_twice_in_one_file() -> None:
    result = combine([read("a.yaml", POD % 1 + "---\n" + POD % 2)])
    assert [finding.code for finding in result.findings] == ["MSP006"]
    assert "a.yaml:3, a.yaml:8" in result.findings[0].message


def test_another_version_of_the_same_group_is_the_same_object() -> None:
    old, new = (POD.replace("v1", version) % 1 for version in ("x/v1", "x/v2"))
    assert [finding.code for finding in combine([read("a", old), read("b", new)]).findings] == ["MSP006"]


def test_another_group_namespace_kind_or_name_is_another_object() -> None:
    texts = [
        "apiVersion: v1\nkind: X\nmetadata: {name: a}\n",
        "apiVersion: x/v1\nkind: X\nmetadata: {name: a}\n",
        "apiVersion: x/v1\nkind: Z\nmetadata: {name: a}\n",
        "apiVersion: x/v1\nkind: Z\nmetadata: {name: b}\n",
        "apiVersion: x/v1\nkind: Z\nmetadata: {name: b, namespace: other}\n",
    ]
    result = combine([read("in.yaml", text) for text in texts])
    assert len(result.documents) == len(texts)
    assert result.findings == ()


def test_ignores_are_joined() -> None:
    comment = "# meshsplit: ignore[%s]\n"
    result = combine([read("a", comment % "MSP101" + POD % 1), read("b", comment % "MSP102" + POD % 1)])
    assert result.ignores == {("a", 2): frozenset({"MSP101"}), ("b", 2): frozenset({"MSP102"})}
