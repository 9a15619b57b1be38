"""Reading JSON: one document, several after one another, JSON Lines; the same findings as for YAML."""

import json

import pytest

from meshsplit.diagnostics import Finding
from meshsplit.manifests import ReadResult, locate, read_text

NAME = ("metadata", "name")


def pod(name: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}})


def read(text: str) -> ReadResult:
    return read_text(text, "in.json")


def places(result: ReadResult) -> list[tuple[str, int, int]]:
    positions = [(document.ref.name, locate(document, NAME)) for document in result.documents]
    return [(name, position.line, position.column) for name, position in positions]


def the_finding(result: ReadResult, code: str) -> tuple[Finding, int, int]:
    assert [finding.code for finding in result.findings] == [code]
    finding = result.findings[0]
    assert finding.position is not None
    return finding, finding.position.line, finding.position.column


@pytest.mark.parametrize("space", ["", " ", "\n", "\r\n", "\t"])
def test_documents_may_follow_one_another_with_or_without_space(space: str) -> None:
    result = read(pod("a") + space + pod("b") + space)
    assert [document.ref.name for document in result.documents] == ["a", "b"]


def test_places_are_those_of_the_file() -> None:
    result = read("\n  " + pod("a") + pod("b") + "\n" + pod("c"))
    start = pod("a").index('"a"') + 1
    assert places(result) == [("a", 2, start + 2), ("b", 2, start + 2 + len(pod("a"))), ("c", 3, start)]


def test_json_between_yaml_separators_and_with_tabs() -> None:
    result = read("---\n" + pod("a") + "\n---\n" + pod("b").replace("{", "{\t\n\t") + "---\n")
    assert [document.ref.name for document in result.documents] == ["a", "b"]


def test_a_flow_mapping_that_is_no_json_is_read_as_yaml() -> None:
    for text in ("{apiVersion: v1, kind: Pod, metadata: {name: a}}", pod("a")[:-1] + ",}"):
        assert [document.ref.name for document in read(text).documents] == ["a"]


def test_escapes_of_characters_beyond_the_basic_plane() -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": ["😀", "/"]})
    result = read(text.replace('"/"', r'"\/"'))
    assert result.documents[0].body["spec"] == ["😀", "/"]


def test_half_a_surrogate_pair_is_replaced_as_go_does() -> None:
    result = read(pod("a").replace('"a"', r'"a\ud800"'))
    assert result.documents[0].ref.name == "a\ufffd"


def test_numbers_are_those_the_server_gets() -> None:
    numbers = "[1, -0, 1.0, 2.5, 1e3, 9223372036854775808, 18446744073709551616, " + "1" * 300 + "]"
    body = read(pod("a")[:-1] + f', "spec": {numbers}}}').documents[0].body
    assert body["spec"] == [1, 0, 1, 2.5, 1000, 2**63, 2.0**64, float("1" * 300)]
    assert [type(number) for number in body["spec"]] == [int, int, int, float, int, int, float, float]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-" + "9" * 5000])
def test_numbers_that_no_float_holds_are_findings(number: str) -> None:
    text = pod("a")[:-1] + f', "spec": [0, {number}]}}'
    finding, line, column = the_finding(read(text + "\n" + pod("b")), "MSP001")
    assert (line, column) == (1, text.index(number) + 1)
    assert number in finding.message


@pytest.mark.parametrize(
    ("broken", "column"),
    [
        (pod("x")[:-1], None),
        (pod("x").replace('"kind"', "kind"), 22),
        (pod("x").replace(":", "", 1), 15),
        (pod("x").replace('"v1"', '"v\t1"'), 18),
        (pod("x").replace('"v1"', '"v\udcff1"'), 18),
    ],
)
def test_a_broken_document_is_one_finding_and_the_next_line_is_read(broken: str, column: int | None) -> None:
    result = read(pod("a") + "\n" + broken + "\n" + pod("b") + "\n")
    _, line, found = the_finding(result, "MSP001")
    if column is not None:
        assert (line, found) == (2, column)
    assert [document.ref.name for document in result.documents] == ["a", "b"]


def test_a_broken_first_document_spares_the_next() -> None:
    result = read(pod("x")[:-1] + "\n\n" + pod("b"))
    assert the_finding(result, "MSP001")[1:] == (3, 1)
    assert [document.ref.name for document in result.documents] == ["b"]


def test_a_broken_list_is_one_finding_even_when_its_items_start_in_the_first_column() -> None:
    items = ",\n".join([pod("a"), pod("b").replace('"v1"', '"v1" "v2"'), pod("c")])
    text = f'{{\n"apiVersion": "v1",\n"kind": "List",\n"items": [\n{items}\n]\n}}\n'
    assert the_finding(read(text), "MSP001")[1:] == (6, 21)


def test_an_array_is_no_object() -> None:
    finding, line, column = the_finding(read(f"[{pod('a')}]"), "MSP002")
    assert (line, column) == (1, 1)
    assert "a list" in finding.message


def test_a_list_is_taken_apart_and_duplicate_keys_cost_one_item() -> None:
    bad = pod("b").replace('"v1"', '"v1", "kind": "Pod"')
    text = '{"apiVersion": "v1", "kind": "List", "items": [\n' + f"{pod('a')},\n{bad},\n{pod('c')}\n]}}"
    result = read(text)
    finding, line, column = the_finding(result, "MSP003")
    assert (line, column) == (3, bad.rindex('"kind"') + 1)
    assert '"kind"' in finding.message
    assert places(result) == [("a", 2, pod("a").index('"a"') + 1), ("c", 4, pod("a").index('"a"') + 1)]


def test_labels_must_be_strings_and_the_fix_shows_what_was_written() -> None:
    text = '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"x": 1.50}}}'
    finding, line, column = the_finding(read(text), "MSP007")
    assert (line, column) == (1, text.index("1.50") + 1)
    assert finding.fix == 'quote it: "1.50"'


def test_many_documents_on_one_line_do_not_copy_the_line_each() -> None:
    result = read(pod("a") * 3000)
    assert len(result.documents) == 3000
    assert max(len(document.text) for document in result.documents) < 2000
