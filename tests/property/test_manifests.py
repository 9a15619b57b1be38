"""Properties of reading and writing manifests, whatever the text."""

import json
import random
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshsplit.diagnostics import RULES
from meshsplit.manifests import combine, locate, read_text, write_documents

# Everything that UTF-8 can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = (
    TEXT
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"[-+]?[0-9._eExXoObB:]{1,8}", fullmatch=True)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
NAMES = TEXT.filter(bool)


@st.composite
def objects(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Kubernetes objects of a kind that is no list, each under a name of its own."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    return [
        {
            "apiVersion": draw(NAMES),
            "kind": "InferenceService",
            "metadata": {
                "name": name,
                "namespace": draw(NAMES),
                "labels": draw(st.dictionaries(TEXT, TEXT, max_size=3)),
            },
            "spec": draw(VALUES),
        }
        for name in names
    ]


@given(objects())
def test_what_is_written_reads_back_the_same_here_and_in_pyyaml(wanted: list[dict[str, Any]]) -> None:
    text = write_documents(wanted)
    result = read_text(text, "out.yaml")
    assert result.findings == ()
    assert [document.body for document in result.documents] == wanted
    assert list(yaml.safe_load_all(text)) == wanted
    text.encode()


@given(objects())
def test_json_reads_as_the_yaml_of_the_same_objects_does(wanted: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(body) + "\n" for body in wanted)
    result = read_text(text, "out.json")
    assert [document.body for document in result.documents] == wanted


@given(objects(), st.randoms(use_true_random=False))
def test_the_order_of_inputs_changes_nothing(bodies: list[dict[str, Any]], random_: random.Random) -> None:
    twins = [{**body, "spec": "another"} for body in bodies]
    results = [read_text(write_documents([body]), f"{at}.yaml") for at, body in enumerate(bodies + twins)]
    combined = combine(results)
    random_.shuffle(results)
    assert combine(results) == combined


MANIFEST = """\
# meshsplit: ignore[MSP101]
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: a
  labels: &labels {serving.kserve.io/model-tag: "g", 'x': y}
  annotations:
    <<: *labels
    serving.kserve.io/canaryTrafficPercent: "80"
    text: |
      one
        two
    folded: >-
      a b
spec: [1, 2.5, {a: ~}, [x]]
---
{"apiVersion": "v1", "kind": "List", "items": [
\t{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b\\u00e9", "labels": {"l": 1}}}
]}
{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c"}}
--- # next
? kind
: Namespace
? apiVersion
: v1
metadata:
- name
"""
CHARACTERS = ":-?#&*!|>'\"%@`{}[],\\~=<a1 \n\t\r\0\x85\ufeff\u2028\ud800\udcff😀"
WORDS = [
    "---",
    "\n---\n",
    "\n--- x\n",
    "<<: ",
    "*labels",
    "&labels ",
    "{{ x }}",
    "!!int ",
    "kind: List\n",
    "\\u",
]
PIECES = st.sampled_from([*CHARACTERS, *WORDS, '": ', "1e999", "NaN", "\r\n"])
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(MANIFEST)), st.integers(0, 40), st.sampled_from(["cut", "copy", "put"]), PIECES
    ),
    max_size=6,
)


def edited(text: str, edits: list[tuple[int, int, str, str]]) -> str:
    for start, length, action, piece in edits:
        if action == "cut":
            text = text[:start] + text[start + length :]
        elif action == "copy":
            text = text[: start + length] + text[start:]
        else:
            text = text[:start] + piece + text[start:]
    return text


def check_that_it_is_read(text: str) -> None:
    """Documents and findings, every one of them complete and in the text."""
    result = combine([read_text(text, "in.yaml")])
    lines = text.count("\n") + 1
    for finding in result.findings:
        assert finding.code in RULES
        assert finding.message
        assert finding.position is not None
        assert 1 <= finding.position.line <= lines
        assert finding.position.column >= 1
        finding.message.encode()
        finding.fix.encode()
    for document in result.documents:
        place = locate(document, ("spec", 0, "nothing"))
        assert document.first_line <= place.line <= lines
    bodies = [document.body for document in result.documents]
    again = read_text(write_documents(bodies), "again.yaml")
    assert [document.body for document in again.documents] == bodies
    assert result.documents or result.findings


@given(EDITS)
def test_any_edit_of_a_manifest_is_read_or_found(edits: list[tuple[int, int, str, str]]) -> None:
    check_that_it_is_read(edited(MANIFEST, edits))


@given(st.text(st.characters(), max_size=200))
def test_any_text_is_read_or_found(text: str) -> None:
    check_that_it_is_read(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_found(content: bytes) -> None:
    check_that_it_is_read(content.decode(errors="surrogateescape"))


@given(st.text("{}[]\":,'ab1 \n\t-&*#!|>?.e\\", max_size=60))
def test_any_text_of_yamls_and_jsons_own_characters_is_read_or_found(text: str) -> None:
    check_that_it_is_read(text)
