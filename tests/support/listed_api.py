"""The port over a list of objects that nobody checks: whatever a server may have let through once."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meshsplit.kube.port import PAGE_LIMIT, Item, NotFound, Page, Resource, WatchEvent
from support.kube_objects import to_item

_VERSION = "1"


class ListedApi:
    """Lists what it was given and refuses every write."""

    def __init__(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        self._bodies = list(bodies)

    def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        limit: int = PAGE_LIMIT,
        continue_token: str = "",
    ) -> Page:
        found = [body for body in self._bodies if body["kind"] == resource.kind]
        return Page(tuple(map(_to_item, found)), _VERSION)

    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str = "",
        labels: str = "",
    ) -> "ListedApi":
        return self

    def __iter__(self) -> Iterator[WatchEvent]:
        return iter(())

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        raise NotFound(404, "NotFound", name)

    def close(self) -> None:
        pass

    def apply(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        raise NotImplementedError

    apply_status = apply

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        raise NotImplementedError

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        raise NotImplementedError

    def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str = "", version: int = 0
    ) -> None:
        raise NotImplementedError


def _to_item(body: Mapping[str, Any]) -> Item:
    return to_item({**body, "metadata": {**body["metadata"], "resourceVersion": _VERSION}})
