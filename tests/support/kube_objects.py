"""Objects, pages and watch lines as an API server writes them, and a decoder for them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.kube.port import EventType, Item, ObjectKey, Page, Resource, WatchEvent

WIDGETS = Resource("cases.example.com", "v1", "widgets", "Widget", namespaced=True)


@dataclass(frozen=True)
class Widget:
    name: str
    tag: str


def make_widget(name: str, tag: object, version: int) -> dict[str, Any]:
    return {
        "apiVersion": WIDGETS.api_version,
        "kind": WIDGETS.kind,
        "metadata": {"name": name, "namespace": "ns", "resourceVersion": str(version)},
        "spec": {"tag": tag},
    }


def decode(content: dict[str, Any]) -> Widget | Finding:
    name, tag = content["metadata"]["name"], content["spec"]["tag"]
    if not isinstance(tag, str):
        return Finding("MSP005", "the tag is no text", ObjectRef(WIDGETS.kind, "ns", name))
    return Widget(name, tag)


def index(key: ObjectKey, value: Widget | Finding) -> tuple[str, ...]:
    """By tag; an unreadable object by its own name."""
    return (value.tag,) if isinstance(value, Widget) else (f"unreadable:{key.name}",)


def key_of(name: str) -> ObjectKey:
    return ObjectKey("ns", name)


def list_of(*objects: dict[str, Any], version: int, token: str = "") -> bytes:
    """A list as a server of custom resources writes it: the metadata comes last."""
    metadata = {"continue": token, "resourceVersion": str(version)}
    return json.dumps({"apiVersion": "v1", "items": objects, "kind": "List", "metadata": metadata}).encode()


def status_of(code: int, reason: str = "", message: str = "", **details: object) -> dict[str, Any]:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code}
    return {**status, "reason": reason, "message": message, "details": details}


def line(kind: str, content: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": content}).encode() + b"\n"


def bookmark(version: int) -> bytes:
    return line("BOOKMARK", {"kind": "Widget", "metadata": {"resourceVersion": str(version)}})


def to_item(content: Mapping[str, Any]) -> Item:
    """As it would arrive over the wire."""
    metadata = content["metadata"]
    key = ObjectKey(metadata.get("namespace", ""), metadata.get("name", ""))
    return Item(key, metadata["resourceVersion"], json.loads(json.dumps(content)))


def page_of(*objects: dict[str, Any], version: int, token: str = "") -> Page:
    return Page(tuple(map(to_item, objects)), str(version), token)


def event_of(kind: EventType, content: dict[str, Any]) -> WatchEvent:
    return WatchEvent(kind, to_item(content))


def names_of(items: Iterable[Item]) -> list[str]:
    return [item.key.name for item in items]
