"""Every log line is one JSON object, whatever was logged."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from meshsplit.telemetry.logs import JsonFormatter, configure_logging, to_rfc3339, without_secrets

LOG = logging.getLogger("meshsplit.tests")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    configure_logging(written, "info")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_holds_time_level_logger_message_and_what_extra_gave(stream: io.StringIO) -> None:
    LOG.warning("weights of %s changed", "mnist", extra={"group": "models/mnist", "weights": {"a": 80}})
    (line,) = lines(stream)
    assert list(line) == ["time", "level", "logger", "message", "group", "weights"]
    assert (line["level"], line["logger"]) == ("warning", "meshsplit.tests")
    assert line["message"] == "weights of mnist changed"
    assert (line["group"], line["weights"]) == ("models/mnist", {"a": 80})


def test_times_are_utc_with_microseconds() -> None:
    assert to_rfc3339(0.000006) == "1970-01-01T00:00:00.000006Z"
    record = logging.makeLogRecord({"created": 1795646000.0, "msg": "x"})
    assert json.loads(JsonFormatter().format(record))["time"] == "2026-11-25T22:33:20.000000Z"


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    LOG.debug("nobody asked")
    assert lines(stream) == []


def test_a_second_call_replaces_the_first(stream: io.StringIO) -> None:
    second = io.StringIO()
    configure_logging(second, logging.DEBUG)
    LOG.debug("once")
    assert (lines(stream), [line["message"] for line in lines(second)]) == ([], ["once"])


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging(io.StringIO(), "loud")


def test_an_exception_is_a_field_and_the_line_stays_one(stream: io.StringIO) -> None:
    try:
        int("first\nsecond")
    except ValueError:
        LOG.exception("pass failed")
    (line,) = lines(stream)
    assert line["exception"]["type"] == "ValueError"
    assert "first" in line["exception"]["message"]
    assert "test_telemetry_logs.py" in line["exception"]["stack"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ((1, 2.5, None), [1, 2.5, None]),
        ({("a", 1): True}, {"('a', 1)": True}),
        (ValueError("odd"), "odd"),
        ("\ud800", "\ud800"),
    ],
)
def test_no_value_costs_the_line(stream: io.StringIO, value: object, written: object) -> None:
    LOG.info("odd", extra={"value": value})
    assert lines(stream)[0]["value"] == written


def test_a_list_that_holds_itself_ends_as_text(stream: io.StringIO) -> None:
    endless: list[object] = []
    endless.append(endless)
    LOG.info("odd", extra={"value": endless})
    assert "[[...]]" in json.dumps(lines(stream)[0]["value"])


def test_names_that_are_taken_get_an_underscore(stream: io.StringIO) -> None:
    LOG.info("odd", extra={"time": "never", "level": 3, "exception": "none"})
    (line,) = lines(stream)
    assert (line["time_"], line["level_"], line["exception_"]) == ("never", 3, "none")
    assert line["time"] != "never"


def test_arguments_that_do_not_fit_are_shown_beside_the_message() -> None:
    record = logging.makeLogRecord({"msg": "want %d", "args": ("text", 1)})
    assert json.loads(JsonFormatter().format(record))["message"] == "want %d ('text', 1)"


def test_credentials_are_replaced_wherever_they_are(stream: io.StringIO) -> None:
    LOG.error(
        "GET https://user:hunter2@api:6443/ failed",
        exc_info=OSError("Authorization: Bearer abc.def-1 refused"),
        extra={
            "token": "abc.def-1",
            "headers": {"Authorization": "Bearer abc.def-1", "Accept": "x"},
            "seen": ["Basic dXNlcjpodW50ZXIy"],
        },
    )
    written = stream.getvalue()
    for secret in ("abc.def-1", "hunter2", "dXNlcjpodW50ZXIy"):
        assert secret not in written
    (line,) = lines(stream)
    assert line["headers"] == {"Authorization": "[redacted]", "Accept": "x"}
    assert line["message"] == "GET https://[redacted]@api:6443/ failed"


def test_ordinary_text_is_left_alone() -> None:
    text = "the bearer of this basic group; see https://docs/x?a=b@c, models/mnist@sha256:1"
    assert without_secrets("group is basic") == "group is basic"
    assert "models/mnist@sha256:1" in without_secrets(text)
