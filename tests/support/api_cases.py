"""Replays recorded API server cases over HTTP and says where the answers differ in substance."""

import base64
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

UNTIL_SECONDS = 60.0
WATCH_SECONDS = 5
"""The longest of the recorded watches, which run side by side: what is done meanwhile must come in time."""
_PLACEHOLDERS = {
    "<uid>": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "<rv>": re.compile(r"[1-9]\d*"),
    "<time>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "<token>": re.compile(r"\S+"),
}
# An age printed in a table: the recorded answer came within a second, a busy machine may take longer.
_AGE = re.compile(r"\d+s")
_WATCH_TIMEOUT = re.compile(r"timeoutSeconds=\d+")
# What carries a message's meaning: quoted text, numbers, dotted paths.
_SUBSTANCE = re.compile(r'"[^"]*"|\'[^\']*\'|<uid>|\d+|[A-Za-z][\w-]*(?:\[\d+\])?(?:\.[A-Za-z][\w-]*)+')
_HASH_BYTES = 8
_UID = _PLACEHOLDERS["<uid>"]
# The server's own position, which no two servers share.
_POSITION = re.compile(r"\(\d+\)$")


def differences(expected: Any, actual: Any, at: str = "") -> list[str]:
    """Where an answer is not what was recorded; placeholders stand for any value of their form."""
    if isinstance(expected, str) and expected in _PLACEHOLDERS:
        fits = isinstance(actual, str) and _PLACEHOLDERS[expected].fullmatch(actual)
        return [] if fits else [f"{at}: want {expected}, got {actual!r}"]
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _of_maps(expected, actual, at)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return [f"{at}: want {expected}, got {actual}"]
        if at.endswith(".causes"):
            expected, actual = (
                sorted(causes, key=lambda c: str(c["field"])) for causes in (expected, actual)
            )
        if at.endswith(".managedFields"):
            # Sorted by time first: the recording took less than a second, a busy machine may not.
            expected, actual = (sorted(entries, key=_manager) for entries in (expected, actual))
        pairs = enumerate(zip(expected, actual, strict=True))
        return [line for i, (want, got) in pairs for line in differences(want, got, f"{at}[{i}]")]
    if at.endswith(".message") and not at.startswith(".items") and isinstance(actual, str):
        missing = substance(expected) - substance(actual)
        return [f"{at}: {sorted(missing)} missing in {actual!r}"] if missing else []
    if at.endswith(".storageVersionHash"):
        # A digest of group, version and kind: the recorded one is of a group that was renamed afterwards.
        return [] if len(base64.b64decode(str(actual))) == _HASH_BYTES else [f"{at}: got {actual!r}"]
    if ".cells[" in at and isinstance(actual, str) and _AGE.fullmatch(str(expected)):
        return [] if _AGE.fullmatch(actual) else [f"{at}: want an age, got {actual!r}"]
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return [] if same else [f"{at}: want {expected!r}, got {actual!r}"]


def _of_maps(expected: dict[str, Any], actual: dict[str, Any], at: str) -> list[str]:
    # managedFields are recorded only where a case is about them.
    got = {k: v for k, v in actual.items() if k != "managedFields" or "managedFields" in expected}
    found = [f"{at}.{key}: not wanted: {got[key]!r}" for key in sorted(got.keys() - expected.keys())]
    found += [f"{at}.{key}: missing" for key in sorted(expected.keys() - got.keys())]
    for key in sorted(expected.keys() & got.keys()):
        found += differences(expected[key], got[key], f"{at}.{key}")
    return found


def _manager(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["operation"], entry["manager"]


def substance(message: str) -> set[str]:
    """The names, values and limits in a message."""
    return set(_SUBSTANCE.findall(_UID.sub("<uid>", _POSITION.sub("", message))))


@dataclass
class Replay:
    """One case in a namespace of its own; remembers saved answers."""

    client: httpx.Client
    namespace: str
    saved: dict[str, Any] = field(default_factory=dict)
    last_version: str = ""
    token: str = ""

    def __post_init__(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        self.client.post("/api/v1/namespaces", json=body).raise_for_status()

    def in_namespace(self, value: Any) -> Any:
        """The value with this namespace for NS."""
        text = json.dumps(value)
        return json.loads(re.sub(r"\bNS\b", self.namespace, text))

    def send(self, request: dict[str, Any]) -> httpx.Response:
        """Send one recorded request, again and again where it says `untilCode`."""
        deadline = time.monotonic() + UNTIL_SECONDS
        while True:
            response = self._send(request)
            if response.status_code == request.get("untilCode", response.status_code):
                return response
            assert time.monotonic() < deadline, f"still {response.status_code}: {response.text}"

    def _send(self, request: dict[str, Any]) -> httpx.Response:
        body = self._resolve(self.in_namespace(request.get("body")))
        content = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        response = self.client.request(
            request["method"],
            self.in_namespace(request["path"]).replace("$continue", self.token),
            content=content,
            headers={
                "content-type": request.get("contentType", "application/json"),
                "accept": request.get("accept", "application/json"),
            },
        )
        self._remember(request, response)
        return response

    def _remember(self, request: dict[str, Any], response: httpx.Response) -> None:
        if "json" not in response.headers.get("content-type", ""):
            return
        answer = response.json()
        metadata = answer.get("metadata") or {}
        self.last_version = metadata.get("resourceVersion", self.last_version)
        self.token = metadata.get("continue", self.token)
        if "save" in request:
            self.saved[request["save"]] = answer

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, dict) and "$from" in value:
            copied = json.loads(json.dumps(self.saved[value["$from"]]))
            for path, new in value.get("$set", {}).items():
                *above, last = path.split(".")
                node = copied
                for name in above:
                    node = node[name]
                node[last] = self._resolve(new)
            return copied
        if isinstance(value, dict):
            return {key: self._resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if isinstance(value, str):
            return self._resolve_text(value)
        return value

    def _resolve_text(self, text: str) -> str:
        if text == "$rv":
            return self.last_version
        kind, _, name = text.partition(":")
        if kind in ("$rv", "$uid"):
            metadata = self.saved[name]["metadata"]
            return str(metadata["uid" if kind == "$uid" else "resourceVersion"])
        return text

    def check(self, request: dict[str, Any], expected: dict[str, Any]) -> list[str]:
        """Send a request; where its answer differs from the recorded one."""
        response = self.send(request)
        found = differences(expected["code"], response.status_code, "code")
        if "warning" in expected:
            found += differences(expected["warning"], response.headers.get("warning"), "warning")
        if "namePattern" in expected:
            name = response.json()["metadata"]["name"]
            found += [] if re.fullmatch(expected["namePattern"], name) else [f"name: {name}"]
        if "names" in expected:
            names = sorted(item["metadata"]["name"] for item in response.json()["items"])
            found += differences(expected["names"], names, "names")
            more = "continue" in response.json()["metadata"]
            found += differences(expected["more"], more, "more")
        if isinstance(expected.get("body"), str):
            found += differences(expected["body"], response.text, "text")
        elif "body" in expected:
            found += differences(self.in_namespace(expected["body"]), response.json())
        return found

    def watch(self, path: str, watch: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        """Open a recorded watch, do what it says meanwhile; its status code and events in recorded form."""
        for request in watch["before"]:
            self.send(request)
        self.send({"method": "GET", "path": path})
        lasting = _WATCH_TIMEOUT.sub(f"timeoutSeconds={WATCH_SECONDS}", watch["query"])
        query = lasting.replace("$rv", self.last_version)
        events: list[dict[str, Any]] = []
        with self.client.stream("GET", f"{self.in_namespace(path)}?watch=true&{query}") as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                return response.status_code, [{"type": "STATUS", "object": response.json()}]
            for request in watch["during"]:
                self.send(request)
            for line in response.iter_lines():
                event = to_recorded(json.loads(line))
                if event["type"] != "BOOKMARK" or not events or events[-1] != event:
                    events.append(event)
        return response.status_code, events


def to_recorded(event: dict[str, Any]) -> dict[str, Any]:
    """A watch event in the form of the recorded ones."""
    body = event["object"]
    if event["type"] == "ERROR":
        return {"type": "ERROR", "object": body}
    if event["type"] == "BOOKMARK":
        metadata = {key: value for key, value in body["metadata"].items() if value is not None}
        return {
            "type": "BOOKMARK",
            "objectKeys": sorted(body),
            "metadataKeys": sorted(metadata),
            "annotations": metadata.get("annotations", {}),
        }
    return {
        "type": event["type"],
        "name": body["metadata"]["name"],
        "labels": body["metadata"].get("labels"),
        "generation": body["metadata"].get("generation"),
        "deleting": "deletionTimestamp" in body["metadata"],
        "spec": body.get("spec"),
    }
