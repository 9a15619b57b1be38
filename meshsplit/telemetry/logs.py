"""Logs for machines: one JSON object a line."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, TextIO

REDACTED = "[redacted]"

MAX_DEPTH = 6
"""Levels of a value in `extra` that are written as such; what is deeper is written as text."""

# What every record has by itself; the rest came in `extra`.
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_SECRET_NAME = re.compile(
    r"authorization|password|passwd|secret|token|credential|private.?key", re.IGNORECASE
)
_SECRET_TEXT = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+|(?<=://)[^\s/@]+(?=@)")


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    `time` (RFC 3339, UTC, microseconds), `level`, `logger` and `message`, then what `extra` gave by name,
    then `exception` with `type`, `message` and `stack`. A name of `extra` that is taken gets a trailing "_".
    What looks like a credential is replaced, whether by its name in `extra` or by its form in a text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end; any record has one."""
        line: dict[str, Any] = {
            "time": to_rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(_message_of(record)),
        }
        for name, value in sorted(_extra_of(record).items()):
            line[f"{name}_" if name in line or name == "exception" else name] = value
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _describe(record.exc_info[1])
        return json.dumps(line)


def configure_logging(stream: TextIO, level: int | str = logging.INFO) -> None:
    """Send the logs of the whole process to `stream`, from `level` on; ValueError for an unknown level.

    Whatever was configured before is replaced, so a second call does not write lines twice.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.setLevel(level.upper() if isinstance(level, str) else level)
    for other in root.handlers[:]:
        root.removeHandler(other)
    root.addHandler(handler)


def to_rfc3339(seconds: float) -> str:
    """Seconds since 1970 as a time in UTC: `2026-01-02T03:04:05.000006Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def without_secrets(text: str) -> str:
    """The text with credentials of HTTP headers and of URLs replaced."""
    return _SECRET_TEXT.sub(lambda found: f"{found[1]} {REDACTED}" if found[1] else REDACTED, text)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Arguments that do not fit the format: the line still tells what was meant.
        return f"{record.msg} {record.args}"


def _extra_of(record: logging.LogRecord) -> Mapping[str, Any]:
    extra = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    return {name: _plain(value, name) for name, value in extra.items()}


def _plain(value: object, name: str = "", depth: int = MAX_DEPTH) -> Any:
    """The value as JSON can hold it: nothing that was logged may cost the line."""
    if _SECRET_NAME.search(name):
        return REDACTED
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, Mapping) and depth:
        return {str(key): _plain(inner, str(key), depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_plain(inner, name, depth - 1) for inner in value]
    return without_secrets(str(value))


def _describe(error: BaseException) -> dict[str, str]:
    return {
        "type": type(error).__qualname__,
        "message": without_secrets(str(error)),
        "stack": without_secrets("".join(traceback.format_exception(error))),
    }
