"""One text for equal values, whatever the order of their keys."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsplit.canonical import to_canonical

# JSON holds no infinite number, and neither does what is read here.
_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_SCALARS = st.none() | st.booleans() | _NUMBERS | st.text()
VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


def turn_round(value: Any) -> Any:
    """The same value, the keys of every object in reverse."""
    if isinstance(value, dict):
        return {key: turn_round(value[key]) for key in reversed(value)}
    return [turn_round(each) for each in value] if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_keys_does_not_count(value: Any) -> None:
    assert to_canonical(turn_round(value)) == to_canonical(value)


@given(VALUES)
def test_the_text_is_that_of_the_value(value: Any) -> None:
    assert json.loads(to_canonical(value).decode(errors="surrogatepass")) == value


@pytest.mark.parametrize(
    "value",
    [2**80, "\ud800", {"\udfff": 1}, {1: "a number as key"}, [[[]] * 300]],
    ids=["a large number", "half of a surrogate pair", "half of one as key", "a number as key", "wide"],
)
def test_what_the_fast_writer_refuses_is_written_all_the_same(value: Any) -> None:
    assert to_canonical({"b": 1, "a": value}) == to_canonical({"a": value, "b": 1})
    assert to_canonical(value) != to_canonical([value])


def test_a_deep_value_has_a_text() -> None:
    value: Any = 1
    for _ in range(400):
        value = {"deeper": value}
    assert to_canonical(value).count(b"deeper") == 400
