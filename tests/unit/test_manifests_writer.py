"""Writing YAML that Go, YAML 1.2 and PyYAML read alike.

What sigs.k8s.io/yaml makes of a bare scalar is in test_manifests_scalars; here nothing ambiguous goes bare.
"""

import math

import pytest
import yaml

from meshsplit.manifests import read_text, write_documents
from meshsplit.manifests.scalars import resolve

NASTY = [
    *(
        "y",
        "Y",
        "n",
        "N",
        "yes",
        "No",
        "on",
        "OFF",
        "true",
        "False",
        "null",
        "Null",
        "~",
        "",
        "NaN",
        "inf",
        ".inf",
    ),
    *(
        "1e3",
        "7e10",
        "1E3",
        "1e",
        "0o17",
        "0O17",
        "010",
        "0x1f",
        "0b1",
        "1_000",
        "12:30",
        "190:20:30",
        ".5",
        "+1",
    ),
    *(
        "-1",
        "1.",
        "1.0",
        "-",
        "+",
        ".",
        "..",
        "...",
        "---",
        "--- a",
        "=",
        "<<",
        "<",
        "2001-12-14",
        "2001-12-14T01:02:03Z",
    ),
    *(
        "*",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "?",
        "? a",
        "- a",
        "#",
        "a #b",
        "a: b",
        "a:",
        ":a",
        "a,b",
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "\\",
        " a",
        "a ",
        "\t",
        "\n",
        "a\nb",
        "a\n",
        "\r",
        "\x00",
        "\x07",
        "\x7f",
        "\x85",
    ),
    *(
        "\u2028",
        "\ufeff",
        "\ufffe",
        "é",
        "😀",
        "日本",
        ".*[0-7]$",
        "a" * 300,
        "a b " * 100,
        "key: " * 50,
        "0",
        "1",
    ),
]
BARE = [
    "a",
    "mnist-v1",
    "/v2/models/mnist/infer",
    "modelmesh-serving.models.svc.cluster.local",
    "10s",
    "250ms",
    "1h",
]


def body(value: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "X", "metadata": {"name": "n", "namespace": "m"}, "spec": value}


@pytest.mark.parametrize("text", NASTY)
def test_nasty_strings_come_back_as_keys_values_and_elements(text: str) -> None:
    wanted = body({text: text, "list": [text, [text]]})
    written = write_documents([wanted])
    assert yaml.safe_load(written) == wanted
    assert read_text(written, "out.yaml").documents[0].body == wanted


@pytest.mark.parametrize("text", [text for text in NASTY if text not in BARE])
def test_nasty_strings_are_quoted(text: str) -> None:
    if len(text) < 300:
        assert write_documents([{"a": text}]).startswith('a: "')


@pytest.mark.parametrize("text", BARE)
def test_strings_that_are_surely_strings_go_bare(text: str) -> None:
    assert write_documents([{"a": text}]) == f"a: {text}\n"
    assert resolve(text) == text


def test_the_shape_of_the_output() -> None:
    first = {"b": [{"x": 1, "y": []}, {"z": {}}], "a": {"on": None, "é": "日本"}}
    assert write_documents([first, {"c": True}]) == (
        'b:\n- x: 1\n  "y": []\n- z: {}\na:\n  "on": null\n  "é": "日本"\n---\nc: true\n'
    )


def test_no_objects_are_no_text() -> None:
    assert write_documents([]) == ""


def test_shared_values_are_written_out_each_time() -> None:
    shared = {"x": ["y1"]}
    assert "&" not in write_documents([{"a": shared, "b": shared, "c": [shared, shared]}])


def test_long_values_are_not_wrapped() -> None:
    assert write_documents([{"a": "word " * 100}]).count("\n") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-5, "-5"),
        (2**64, "18446744073709551616"),
        (0.5, "0.5"),
        (1.0, "1.0"),
        (1e16, "1.0e+16"),
        (1e-7, "1.0e-07"),
        (1.5e300, "1.5e+300"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
    ],
)
def test_numbers_and_words_read_back_by_every_reader(value: object, text: str) -> None:
    assert write_documents([{"a": value}]) == f"a: {text}\n"
    assert yaml.safe_load(text) == value
    assert resolve(text) == value


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_cannot_hold_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_documents([{"a": value}])


def test_values_that_no_manifest_holds_are_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        write_documents([{"a": b"x"}])
