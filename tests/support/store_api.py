"""The controller's port straight onto an embedded API server's store: no HTTP, no threads, a clock."""

import datetime
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from meshsplit.kube.port import PAGE_LIMIT, Page, Resource, WatchEvent
from meshsplit.kube.wire import make_error
from meshsplit.local.apiserver import resources
from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.apiserver.dispatch import apply
from meshsplit.local.apiserver.eventlog import Event
from meshsplit.local.apiserver.operation import APPLY, MERGE, Operation, Options
from meshsplit.local.apiserver.status import Refused
from meshsplit.local.apiserver.store import FIRST_VERSION, Store
from meshsplit.local.crds import make_crds
from support.kube_objects import to_item

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_LOG = 100_000
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@dataclass
class Clock:
    """Stands still until it is moved; `seconds` counts from START."""

    seconds: float = 0.0

    def utc(self) -> datetime.datetime:
        return START + datetime.timedelta(seconds=self.seconds)

    def count(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


def make_store(clock: Clock, checked: bool = True) -> Store:
    """A store of every kind the controller knows; unless `checked` it takes any content, in less time."""
    numbers = itertools.count(1)
    store = Store(clock.utc, lambda: f"00000000-0000-0000-0000-{next(numbers):012d}", _LOG)
    for crd in make_crds():
        body = _copy(crd)
        for version in body["spec"]["versions"] if not checked else ():
            version["schema"] = {"openAPIV3Schema": _ANY}
        apply(store, Operation("create", CRDS, body=body))
    return store


@dataclass
class Silence:
    """A watch in which nothing happens."""

    def __iter__(self) -> Iterator[WatchEvent]:
        return iter(())

    def close(self) -> None:
        pass


@dataclass
class StoreApi:
    """One client of a store; `before` and `after` are told of every write and may raise in place of it."""

    store: Store
    field_manager: str = "meshsplit"
    before: Callable[[str, Resource, str], object] = lambda _verb, _resource, _name: None
    after: Callable[[], object] = lambda: None
    writes: list[str] = field(default_factory=list)

    def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        limit: int = PAGE_LIMIT,
        continue_token: str = "",
    ) -> Page:
        options = Options(label_selector=labels, limit=limit, continue_token=continue_token)
        body = self._send("list", resource, namespace, options=options)
        metadata = body["metadata"]
        items = tuple(to_item(each) for each in body["items"])
        return Page(items, metadata["resourceVersion"], metadata.get("continue") or "")

    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str = "",
        labels: str = "",
    ) -> Silence:
        return Silence()

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        return _encode(self._send("get", resource, namespace, name))

    def close(self) -> None:
        pass

    def apply(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        return self._apply(resource, body, force, "")

    def apply_status(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        return self._apply(resource, body, force, "status")

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        metadata = body["metadata"]
        return self._write("create", resource, metadata.get("namespace", ""), metadata["name"], body=body)

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        return self._write("patch", resource, namespace, name, body=body, patch=MERGE)

    def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str = "", version: int = 0
    ) -> None:
        wanted = {"uid": uid, "resourceVersion": str(version) if version else ""}
        body = {"preconditions": wanted}
        self._write("delete", resource, namespace, name, body=body)

    def events(self, group: str, plural: str, since: int = 0) -> list[Event]:
        """What has happened to the objects of one kind after a resourceVersion."""
        return list(self.store.log((group, plural)).since(max(since, FIRST_VERSION), self.store.version))

    def _apply(self, resource: Resource, body: Mapping[str, Any], force: bool, subresource: str) -> bytes:
        metadata = body["metadata"]
        return self._write(
            "patch",
            resource,
            metadata.get("namespace", ""),
            metadata["name"],
            subresource=subresource,
            body=body,
            patch=APPLY,
            force=force,
        )

    def _write(
        self, verb: str, resource: Resource, namespace: str, name: str, *, force: bool = False, **fields: Any
    ) -> bytes:
        said = " ".join(part for part in (verb, resource.plural, name, fields.get("subresource")) if part)
        self.before(verb, resource, name)
        self.writes.append(said)
        options = Options(field_manager=self.field_manager, force=force)
        answer = self._send(verb, resource, namespace, name, options=options, **fields)
        self.after()
        return _encode(answer)

    def _send(
        self, verb: str, resource: Resource, namespace: str = "", name: str = "", **fields: Any
    ) -> dict[str, Any]:
        target = self._target(resource)
        fields["body"] = _copy(fields.get("body"))
        collection = name if verb != "create" else ""
        place = namespace if resource.namespaced else ""
        try:
            answer, _ = apply(self.store, Operation(verb, target, place, collection, **fields))
        except Refused as refused:
            raise make_error(refused.code, refused.body) from None
        return answer.body

    def _target(self, resource: Resource) -> resources.Resource:
        found = self.store.registry.find(resource.group, resource.version, resource.plural)
        if found is None:
            raise make_error(404, {"reason": "NotFound", "message": "the server could not find the resource"})
        return found


def _copy(body: Any) -> Any:
    """As it would arrive over the wire."""
    return json.loads(json.dumps(body))


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
