"""The place of a field's value in the file, for YAML as people write it."""

import pytest

from meshsplit.diagnostics import FieldPath
from meshsplit.manifests import locate, read_text

TEXT = """\
# a comment first
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: detect-1
  labels: {serving.kserve.io/model-tag: detect}
  annotations:
    serving.kserve.io/canaryTrafficPercent: "80"
    empty:
    base: &base
      x: 1
spec:
  list:
  - name: one
    weight: 5
  -   name: two   # more blanks
  - [a, {b: c}]
  merged:
    <<: [{x: 0}, {z: 2}]
    y: 3
  text: |
    block
  "😀": {ключ: value}
"""


def place(path: FieldPath) -> tuple[int, int]:
    position = locate(read_text(TEXT, "detect.yaml").documents[0], path)
    assert position.file == "detect.yaml"
    return position.line, position.column


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 3, 1),
        (("kind",), 4, 7),
        (("metadata",), 6, 3),
        (("metadata", "labels"), 7, 11),
        (("metadata", "labels", "serving.kserve.io/model-tag"), 7, 41),
        (("metadata", "annotations", "serving.kserve.io/canaryTrafficPercent"), 9, 45),
        (("metadata", "annotations", "empty"), 10, 11),
        (("metadata", "annotations", "base", "x"), 12, 10),
        (("spec", "list", 0), 15, 5),
        (("spec", "list", 0, "weight"), 16, 13),
        (("spec", "list", 1, "name"), 17, 13),
        (("spec", "list", 2, 1, "b"), 18, 13),
        (("spec", "merged", "x"), 20, 14),
        (("spec", "merged", "z"), 20, 22),
        (("spec", "text"), 22, 9),
        (("spec", "😀", "ключ"), 24, 15),
    ],
)
def test_a_value_is_where_it_starts(path: FieldPath, line: int, column: int) -> None:
    assert place(path) == (line, column)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("status",), 3, 1),
        (("metadata", "annotations", "nope"), 8, 3),
        (("metadata", "nope", "deeper", 3), 5, 1),
        (("metadata", "name", "deeper"), 6, 3),
        (("spec", "list", 7, "weight"), 14, 3),
        (("spec", "list", 0, "nope"), 15, 5),
        (("spec", "list", "name"), 14, 3),
    ],
)
def test_a_field_that_is_missing_is_where_its_nearest_parent_is_named(
    path: FieldPath, line: int, column: int
) -> None:
    assert place(path) == (line, column)


def test_a_field_of_a_list_item_is_found_in_the_item() -> None:
    items = "".join(
        f"- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: {name}\n" for name in ("a", "b", "c")
    )
    documents = read_text("apiVersion: v1\nkind: List\nitems:\n" + items, "in.yaml").documents
    lines = [locate(document, ("metadata", "name")).line for document in documents]
    assert lines == [7, 11, 15]


def test_lines_count_alike_with_crlf() -> None:
    document = read_text(TEXT.replace("\n", "\r\n"), "in.yaml").documents[0]
    position = locate(document, ("spec", "list", 0, "weight"))
    assert (position.line, position.column) == (16, 13)
