"""The API's answers read: list pages, watch events, Status; and bodies written."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import orjson
from pydantic_core import from_json as parse

from meshsplit.kube.port import (
    ApiError,
    Conflict,
    EventType,
    Forbidden,
    Gone,
    Item,
    NotFound,
    ObjectKey,
    Page,
    TooManyRequests,
    Unavailable,
    WatchEvent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOO_MANY_REQUESTS = 429
_ERRORS: Mapping[int, type[ApiError]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    _TOO_MANY_REQUESTS: TooManyRequests,
}
_SERVER_ERROR = 500
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What walking through an answer of another shape raises."""

_DEFAULT_RETRY_AFTER = 1.0
"""Seconds to wait after a 429 that does not say."""

_MESSAGE_LIMIT = 500
"""Characters kept of an answer that is no Status, such as a proxy's error page."""

_write = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode

# What JSON may hold as it is but YAML 1.2 (chapter 5.1, c-printable) may not: an apply patch is read as YAML.
_NOT_YAML = re.compile("[\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")


def to_page(content: bytes) -> Page:
    """A list; Unavailable when the answer is none."""
    try:
        fields = from_json(content)
        metadata = fields["metadata"]
        items = tuple(_to_item(body) for body in fields.get("items") or ())
        return Page(items, metadata["resourceVersion"], metadata.get("continue") or "")
    except _UNREADABLE as error:
        raise _unreadable("list", error) from None


def to_event(line: bytes) -> WatchEvent:
    """One line of a watch; raises the ApiError that an ERROR event carries."""
    try:
        fields = from_json(line)
        body = fields["object"]
        if fields["type"] != "ERROR":
            return WatchEvent(EventType(fields["type"]), _to_item(body))
        code = int(body.get("code") or _SERVER_ERROR)
    except _UNREADABLE as error:
        raise _unreadable("watch event", error) from None
    raise make_error(code, body)


def to_error(status: int, content: bytes, retry_after: str | None) -> ApiError:
    """The error of an answer that is not 2xx; `retry_after` is the header, of which only seconds are read."""
    try:
        body = from_json(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {"message": content[:_MESSAGE_LIMIT].decode(errors="replace").strip()}
    return make_error(status, body, retry_after)


def make_error(code: int, status: Mapping[str, Any], retry_after: str | None = None) -> ApiError:
    """The member of the family for a Status with this HTTP code."""
    family = _ERRORS.get(code, Unavailable if code >= _SERVER_ERROR else ApiError)
    details = status.get("details")
    told = retry_after or (details.get("retryAfterSeconds") if isinstance(details, dict) else None)
    try:
        wait = max(0.0, float(told)) if told else 0.0
    except (TypeError, ValueError):
        wait = 0.0
    if code == _TOO_MANY_REQUESTS:
        wait = wait or _DEFAULT_RETRY_AFTER
    return family(code, str(status.get("reason") or "Unknown"), str(status.get("message") or ""), wait)


def to_json(body: Mapping[str, Any]) -> bytes:
    """A body that JSON and YAML readers agree on; YAML knows no surrogate pairs, so text stays unescaped."""
    try:
        text = orjson.dumps(body).decode()
    except orjson.JSONEncodeError:
        text = _write(body)
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


def from_json(content: bytes) -> Any:
    """What an answer says; ValueError when it is no JSON.

    The parser that is taken first is faster, and makes one string of equal ones, which holds a tenth less. It
    gives up at 200 levels and at half of a surrogate pair, and one odd object must not hide all others of its
    list.
    """
    try:
        return parse(content)
    except ValueError:
        return json.loads(content)


def _to_item(body: dict[str, Any]) -> Item:
    metadata = body["metadata"]
    # One string for all objects of a namespace.
    key = ObjectKey(sys.intern(metadata.get("namespace") or ""), metadata.get("name") or "")
    return Item(key, metadata["resourceVersion"], body)


def _unreadable(what: str, error: Exception) -> Unavailable:
    return Unavailable(
        0, "Unreadable", f"the server's {what} cannot be read: {type(error).__name__}: {error}"
    )
