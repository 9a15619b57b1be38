import pytest

from meshsplit.api.names import (
    expand_host,
    is_duration,
    is_gateway,
    is_host,
    is_host_template,
    is_label_value,
    is_object_name,
    split_host_port,
)


@pytest.mark.parametrize("text", ["a", "1e3", "y", "a-b.c", "a" * 63 + "." + "b" * 63])
def test_object_names(text: str) -> None:
    assert is_object_name(text)


@pytest.mark.parametrize("text", ["", "A", "a_b", "-a", "a-", "a..b", "a/b", "a\n", "ä", "a" * 254])
def test_no_object_names(text: str) -> None:
    assert not is_object_name(text)


def test_a_label_value_may_be_what_no_object_name_is() -> None:
    assert is_label_value("A_b.c-D")
    assert not is_label_value("a" * 64)
    assert not is_label_value("a b")
    assert not is_label_value("\u0663")


@pytest.mark.parametrize("text", ["*", "*.example.com", "example.com", "a"])
def test_hosts(text: str) -> None:
    assert is_host(text)


@pytest.mark.parametrize("text", ["", "**", "*.", "a.*.b", "*a.com", "a" * 64 + ".com", "a.com:80", "a.com/"])
def test_no_hosts(text: str) -> None:
    assert not is_host(text)


def test_a_template_knows_two_placeholders() -> None:
    assert is_host_template("{group}-{namespace}.example.com")
    assert not is_host_template("{ns}.example.com")
    assert not is_host_template("{group.example.com")
    assert expand_host("{group}.{namespace}.x", "models", "mnist") == "mnist.models.x"


def test_gateways() -> None:
    assert is_gateway("public")
    assert is_gateway("istio-system/public")
    assert not is_gateway("a/b/c")
    assert not is_gateway("/public")
    assert not is_gateway("istio-system/")


@pytest.mark.parametrize("text", ["30s", "1h30m", "500ms", "0.5s", "1h0m0s", "0s"])
def test_durations(text: str) -> None:
    assert is_duration(text)


@pytest.mark.parametrize("text", ["", "30", "s", "30 s", "-1s", "1d", "30m1h", "0.0001s", "1s\n", "\u0663s"])
def test_no_durations(text: str) -> None:
    assert not is_duration(text)


def test_host_and_port() -> None:
    assert split_host_port("gw.example.com", 80) == ("gw.example.com", 80)
    assert split_host_port("gw.example.com:8080", 80) == ("gw.example.com", 8080)
    for wrong in ("gw:0", "gw:65536", "gw:", "gw:http", "*", "", "gw:80:80"):
        assert split_host_port(wrong, 80) is None
