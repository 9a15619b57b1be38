"""The patterns that the CRDs carry mean the same to RE2 as to Python, and what the functions say."""

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from meshsplit.api import names
from meshsplit.api.names import expand_host, is_host, is_host_template, matches, split_host_port

PATTERNS = {
    "object name": (names.OBJECT_NAME,),
    "host template": names.HOST_TEMPLATE,
    "host and port": (names.HOST_PORT,),
    "gateway": (names.GATEWAY,),
    "duration": (names.DURATION,),
    "not zero": (names.DURATION, names.NOT_ZERO),
    "key": (names.QUALIFIED_NAME,),
}
# Few characters, so that many texts nearly fit.
near = st.text("a0-.*/:_9hms{}\n", max_size=12)
placeholders = st.lists(
    st.sampled_from(["a", "-", ".", "*", "{group}", "{namespace}", "{", "a" * 60, "a" * 30 + "."]), max_size=9
).map("".join)
ports = st.builds("a:{}{}".format, st.text("0", max_size=4), st.integers(0, 70000))


@pytest.mark.parametrize("kind", PATTERNS)
@given(text=near | placeholders | ports)
def test_re2_reads_a_pattern_as_python_does(kind: str, text: str) -> None:
    found = all(re2.search(f"^{pattern}$", text) is not None for pattern in PATTERNS[kind])
    assert found == matches(text, PATTERNS[kind])


@given(text=near | placeholders)
def test_a_template_is_what_becomes_a_host(text: str) -> None:
    assert is_host_template(text) == is_host(expand_host(text, "n", "g"))


@given(text=near | ports)
def test_host_and_port_are_what_can_be_split(text: str) -> None:
    host, colon, port = text.partition(":")
    fits = is_host(host) and "*" not in host
    if colon:
        fits = fits and port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535
    assert matches(text, (names.HOST_PORT,)) == fits
    assert (split_host_port(text, 80) is not None) == fits
