"""Plain scalars: the expected values are what sigs.k8s.io/yaml v1.6 printed as JSON for `k: <text>`."""

import pytest

from meshsplit.manifests.scalars import resolve, resolve_tagged


@pytest.mark.parametrize("text", ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"])
def test_words_that_go_reads_as_true(text: str) -> None:
    assert resolve(text) is True


@pytest.mark.parametrize("text", ["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"])
def test_words_that_go_reads_as_false(text: str) -> None:
    assert resolve(text) is False


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_words_that_go_reads_as_null(text: str) -> None:
    assert resolve(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("+1", 1),
        ("010", 8),
        ("08", 8),
        ("0_7", 7),
        ("0o17", 15),
        ("0O17", 15),
        ("0x1f", 31),
        ("0X1F", 31),
        ("-0x1f", -31),
        ("0b1", 1),
        ("-0b11", -3),
        ("1_000", 1000),
        ("1_", 1),
        ("1__0", 10),
        ("1e3", 1000),
        ("1e+3", 1000),
        ("7e10", 70_000_000_000),
        ("1.", 1),
        ("-0.0", 0),
        ("-.5e2", -50),
        ("9223372036854775808", 9_223_372_036_854_775_808),
        ("18446744073709551615", 18_446_744_073_709_551_615),
    ],
)
def test_numbers_that_reach_the_server_as_integers(text: str, value: int) -> None:
    result = resolve(text)
    assert result == value
    assert type(result) is int


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".5", 0.5),
        ("+.5", 0.5),
        (".5_0", 0.5),
        ("1.5", 1.5),
        ("1e-7", 1e-7),
        ("18446744073709551616", 2.0**64),
        ("+18446744073709551615", 2.0**64),
        ("-9223372036854775809", -(2.0**63)),
        ("1e21", 1e21),
    ],
)
def test_numbers_that_stay_floats(text: str, value: float) -> None:
    result = resolve(text)
    assert result == value
    assert type(result) is float


@pytest.mark.parametrize(
    "text",
    [
        *("12:30", "190:20:30", "2001-12-14", "2001-12-14T21:59:43Z", "=", "._5", "_1", "0x", "0o8", "0b2"),
        *(
            "1e400",
            "0xFFFFFFFFFFFFFFFFFF",
            "tRUE",
            "yEs",
            "nULL",
            "1.2.3",
            "10s",
            "-",
            "+",
            ".",
            "1e",
            "e1",
            "٣",
        ),
        *("9" * 5000, "-" + "9" * 400),
    ],
)
def test_texts_that_stay_strings(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize("text", [".inf", "-.inf", "+.Inf", ".nan", ".NaN"])
def test_numbers_that_json_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        resolve(text)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("str", "5", "5"),
        ("int", "5", 5),
        ("float", "5", 5),
        ("bool", "y", True),
        ("null", "", None),
        ("timestamp", "2001-01-01", "2001-01-01"),
        ("binary", "aGVs\nbG8=", "hello"),
    ],
)
def test_explicit_tags(tag: str, text: str, value: object) -> None:
    assert resolve_tagged(f"tag:yaml.org,2002:{tag}", text) == value


def test_unknown_tags_give_strings() -> None:
    assert resolve_tagged("!vault", "5") == "5"


@pytest.mark.parametrize(("tag", "text"), [("int", "x"), ("bool", "5"), ("null", "x"), ("binary", "%")])
def test_tags_that_the_text_contradicts_are_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match=tag):
        resolve_tagged(f"tag:yaml.org,2002:{tag}", text)
