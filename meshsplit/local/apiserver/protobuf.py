"""Bodies in Kubernetes' protobuf form, as `kubectl create namespace | configmap | secret` send them.

Field numbers: generated.proto of apimachinery (runtime.Unknown, meta/v1 ObjectMeta) and api (core/v1). Other
kinds are refused with 415.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from meshsplit.local.apiserver.objects import Json

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
# Before the envelope (apimachinery pkg/runtime/serializer/protobuf).
_MAGIC = b"k8s\x00"
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5

_Read = Callable[[Any], Any]


def _text(raw: bytes) -> str:
    return raw.decode()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _entry(read: _Read) -> _Read:
    def to_pair(raw: bytes) -> dict[str, Any]:
        parts = dict(_fields(raw))
        return {_text(parts.get(1, b"")): read(parts.get(2, b""))}

    return to_pair


def _message(fields: Mapping[int, tuple[str, _Read]]) -> _Read:
    def to_json(raw: bytes) -> Json:
        body: Json = {}
        for number, value in _fields(raw):
            if number in fields:
                name, read = fields[number]
                part = read(value)
                if isinstance(part, dict) and isinstance(body.get(name), dict):
                    body[name].update(part)
                elif part not in ("", {}):
                    body[name] = part
        return body

    return to_json


_METADATA = _message(
    {
        1: ("name", _text),
        2: ("generateName", _text),
        3: ("namespace", _text),
        11: ("labels", _entry(_text)),
        12: ("annotations", _entry(_text)),
    }
)
_KINDS: Mapping[str, _Read] = {
    "Namespace": _message({1: ("metadata", _METADATA)}),
    "ServiceAccount": _message({1: ("metadata", _METADATA)}),
    "ConfigMap": _message(
        {
            1: ("metadata", _METADATA),
            2: ("data", _entry(_text)),
            3: ("binaryData", _entry(_base64)),
            4: ("immutable", bool),
        }
    ),
    "Secret": _message(
        {
            1: ("metadata", _METADATA),
            2: ("data", _entry(_base64)),
            3: ("type", _text),
            5: ("immutable", bool),
        }
    ),
}


def from_protobuf(body: bytes) -> Json | None:
    """The object, or None when it is of a kind that is not read here; ValueError when it is cut short."""
    if not body.startswith(_MAGIC):
        raise ValueError("no Kubernetes protobuf")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    type_meta = dict(_fields(envelope.get(1, b"")))
    version, kind = _text(type_meta.get(1, b"")), _text(type_meta.get(2, b""))
    if version != "v1" or kind not in _KINDS:
        return None
    return {"apiVersion": version, "kind": kind, **_KINDS[kind](envelope.get(2, b""))}


def _fields(raw: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(raw, at)
            yield tag >> 3, value
            continue
        length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire, -1)
        if wire == _BYTES:
            length, at = _varint(raw, at)
        if length < 0 or at + length > len(raw):
            raise ValueError("protobuf cut short")
        yield tag >> 3, raw[at : at + length]
        at += length


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw):
        value |= (raw[at] & 0x7F) << shift
        at += 1
        if not raw[at - 1] & 0x80:
            return value, at
        shift += 7
    raise ValueError("protobuf cut short")
