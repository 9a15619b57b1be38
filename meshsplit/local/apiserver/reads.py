"""GET of one object, and lists: filtered, sorted, in pages of one consistent state."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.objects import Json
from meshsplit.local.apiserver.operation import Answer, Operation
from meshsplit.local.apiserver.scale import to_scale
from meshsplit.local.apiserver.selectors import to_field_selector, to_label_selector
from meshsplit.local.apiserver.status import Refused, bad_request, expired, not_found
from meshsplit.local.apiserver.writes import in_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meshsplit.local.apiserver.collection import Key
    from meshsplit.local.apiserver.eventlog import Event
    from meshsplit.local.apiserver.selectors import Matches
    from meshsplit.local.apiserver.store import Store

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105 - the format of continue tokens, not a secret


def get(store: Store, op: Operation) -> Answer:
    """GET of one object or of its scale."""
    live = store.get(op.resource, op.key)
    if live is None:
        raise not_found(op.resource, op.name)
    if op.subresource == "scale":
        return Answer(200, to_scale(live, op.resource))
    return Answer(200, in_version(live, op))


def selection(op: Operation) -> Matches:
    """Both selectors, and the name where a single object is meant."""
    labels = to_label_selector(op.options.label_selector)
    fields = to_field_selector(op.options.field_selector, op.resource.fields)

    def matches(found: Json) -> bool:
        named = not op.name or found["metadata"]["name"] == op.name
        return named and labels(found) and fields(found)

    return matches


def list_objects(store: Store, op: Operation) -> Answer:
    """GET of a collection; `limit` cuts pages, and a token reads on in the state of the first page."""
    wanted = selection(op)
    version, after = store.version, None
    if op.options.continue_token:
        version, after = _from_token(op.options.continue_token)
    found = _state_at(store, op, version, after)
    items: list[Json] = []
    more: Json = {}
    for stored in found:
        if not wanted(stored):
            continue
        if op.options.limit and len(items) == op.options.limit:
            last = items[-1]["metadata"]
            more = {"continue": _to_token(version, (last.get("namespace", ""), last["name"]))}
            break
        items.append(in_version(stored, op))
    return Answer(
        200,
        {
            "kind": op.resource.list_kind,
            "apiVersion": op.resource.api_version,
            "metadata": {"resourceVersion": str(version), **more},
            "items": items,
        },
    )


def _state_at(store: Store, op: Operation, version: int, after: Key | None) -> Iterator[Json]:
    # The objects after a key as they were at a version; Refused (410) when the log no longer knows.
    held = store.collection(op.resource.key)
    changed: dict[Key, Json | None] = {}
    if version < store.version:
        for event in _since(store, op, version):
            changed.setdefault(event.key, event.before)
    keys = held.sorted_keys(op.namespace, after)
    past = [
        key
        for key in changed
        if (not op.namespace or key[0] == op.namespace) and (after is None or key > after)
    ]
    for key in sorted({*keys, *past}) if past else keys:
        stored = changed[key] if key in changed else held.get(key)
        if stored is not None:
            yield stored


def _since(store: Store, op: Operation, version: int) -> Sequence[Event]:
    try:
        return store.log(op.resource.key).since(version, store.version)
    except Refused:
        raise expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a "
            "new list without the continue parameter."
        ) from None


def _to_token(version: int, key: Key) -> str:
    content = {"v": _TOKEN_VERSION, "rv": version, "start": "/".join(key)}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _from_token(token: str) -> tuple[int, Key]:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _bad_token("illegal base64 data") from None
    try:
        content = json.loads(raw)
        namespace, _, name = content["start"].partition("/")
        return int(content["rv"]), (namespace, name)
    except (ValueError, KeyError, TypeError, AttributeError):
        first = f"\\u{raw[0]:04x}" if raw and not 32 <= raw[0] < 127 else chr(raw[0]) if raw else ""
        raise _bad_token(f"invalid character '{first}' looking for beginning of value") from None


def _bad_token(why: str) -> Refused:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")
