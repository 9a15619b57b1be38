"""Our reader of exposition text agrees with the reference one."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from meshsplit.analysis.exposition import NotExposition, Series, parse

NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
LABELS = st.dictionaries(
    st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True),
    st.text(max_size=8).filter(lambda it: "\r" not in it),
)
UNRESERVED = LABELS.filter(lambda labels: not any(name.startswith("__") for name in labels))
"""What the reference reads: it refuses names that Prometheus keeps for itself."""
VALUES = st.one_of(st.integers(0, 2**53).map(float), st.floats(allow_nan=False))


def write(name: str, labels: dict[str, str], value: float) -> str:
    escaped = {
        key: text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for key, text in labels.items()
    }
    inside = ",".join(f'{key}="{text}"' for key, text in escaped.items())
    return f"{name}{{{inside}}} {value!r}\n"


def reference(text: str) -> list[Series]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


@given(st.lists(st.tuples(NAMES, LABELS, VALUES), max_size=5))
def test_whatever_was_written_is_read(series: list[tuple[str, dict[str, str], float]]) -> None:
    text = "# HELP x y\n" + "".join(write(*each) for each in series)
    assert list(parse(text, lambda _: True)) == series


@given(NAMES, UNRESERVED, VALUES)
def test_the_reference_reads_the_same(name: str, labels: dict[str, str], value: float) -> None:
    text = write(name, labels, value)
    # The reference splits lines at more than line feeds.
    if len(text.splitlines()) == 1:
        assert list(parse(text, lambda _: True)) == reference(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(NotExposition):
        for _, labels, value in parse(text, lambda _: True):
            assert isinstance(value, float)
            assert isinstance(labels, dict)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("a 5", 5),
        ("a{} 5", 5),
        ('a{b="c",} 5', 5),
        ("a\t5", 5),
        ('a { b = "c" , d="e" } 5 1700000000000', 5),
        ("a +Inf", math.inf),
        ("a 1.5e3", 1500),
    ],
)
def test_forms_that_servers_write(line: str, value: float) -> None:
    assert [found for _, _, found in parse(f"{line}\n", lambda _: True)] == [value]
    assert [found for _, _, found in reference(f"{line}\n")] == [value]


@pytest.mark.parametrize(
    "line", ["a", "a{", 'a{b="c} 5', "a{b=c} 5", "{} 5", "5 a", "a 5 6 7", "a five", 'a{b="c"}5x']
)
def test_forms_that_are_none(line: str) -> None:
    with pytest.raises(NotExposition):
        list(parse(f"{line}\n", lambda _: True))


def test_series_that_nobody_wants_are_not_looked_at() -> None:
    text = 'other{broken 5\na{b="c"} 1\n'
    assert list(parse(text, lambda name: name == "a")) == [("a", {"b": "c"}, 1.0)]


def test_a_text_that_was_cut_is_refused() -> None:
    with pytest.raises(NotExposition, match="cut off"):
        list(parse("a 12\na 1", lambda _: True))
