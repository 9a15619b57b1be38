"""What the rest of the controller may ask of a Kubernetes API: one resource type at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIELD_MANAGER = "meshsplit"
"""Under this name the API server keeps which fields are ours."""

PAGE_LIMIT = 500
"""Objects a page; what client-go's pager asks for (tools/pager, defaultPageSize)."""


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """One resource type; `group` is "" for the core API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """The apiVersion of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection (all namespaces when "") or of one object."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/" + "/".join(quote(part, safe="") for part in parts)


class ObjectKey(NamedTuple):
    """Where an object of one resource type is; `namespace` is "" when cluster-scoped."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Item(NamedTuple):
    """One object as the server has it, for whoever gets it to keep or to change.

    In a list of a built-in kind the server leaves out the apiVersion and kind of each object.
    """

    key: ObjectKey
    resource_version: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list in the server's order; `continue_token` is "" on the last one."""

    items: tuple[Item, ...]
    resource_version: str
    continue_token: str = ""


class EventType(StrEnum):
    """What happened; a bookmark carries a resourceVersion only. ERROR events are raised as ApiError."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event; the item of a deletion is the object's last state."""

    type: EventType
    item: Item


class ApiError(Exception):
    """The API said no or did not answer; `status` is 0 when there was no answer, times are in seconds."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(status, reason, message, retry_after)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.status or 'no answer'} {self.reason}: {self.message}"


class Forbidden(ApiError):  # noqa: N818 - the family is named after the API's reasons
    """403: the service account may not do this."""


class NotFound(ApiError):  # noqa: N818 - the family is named after the API's reasons
    """404: no such object, or no such resource type."""


class Conflict(ApiError):  # noqa: N818 - the family is named after the API's reasons
    """409: it exists already, has been changed since, or another manager owns a field (see `reason`)."""


class Gone(ApiError):  # noqa: N818 - the family is named after the API's reasons
    """410: the resourceVersion or the page's token is too old; only a new list helps."""


class TooManyRequests(ApiError):  # noqa: N818 - the family is named after the API's reasons
    """429: ask again after `retry_after` seconds."""


class Unavailable(ApiError):  # noqa: N818 - the family is named after the API's reasons
    """5xx, or the connection failed: the request may or may not have been carried out."""


class WatchStream(Protocol):
    """An open watch, to be iterated by one thread.

    Iteration ends when the server ends the watch and raises ApiError when it breaks: Gone when the
    resourceVersion is too old, Unavailable when the connection is cut or has been silent for too long.
    """

    def __iter__(self) -> Iterator[WatchEvent]: ...

    def close(self) -> None:
        """Give the connection up."""


class Reader(Protocol):
    """Reading. `namespace` "" means all; `labels` is a selector in the API's syntax. Raises ApiError."""

    def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        limit: int = PAGE_LIMIT,
        continue_token: str = "",
    ) -> Page:
        """One page; `limit` 0 asks for everything in one answer."""

    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str = "",
        labels: str = "",
    ) -> WatchStream:
        """What happens after `resource_version`, with bookmarks, until the server ends it."""

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        """One object."""

    def close(self) -> None:
        """End every request in flight at once, from any thread; every later one raises Unavailable."""


class Discovery(Protocol):
    """What the server says of itself. Raises ApiError."""

    def get_path(self, path: str) -> bytes:
        """The answer to a GET of a path that is no resource's, such as /version."""


class Writer(Protocol):
    """Writing; each answers the object as it now is. Bodies carry apiVersion, kind and metadata."""

    def apply(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        """Server-side apply of the whole object, created when there is none."""

    def apply_status(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        """Server-side apply of the status subresource; NotFound when the object is gone."""

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        """A new object; Conflict when it exists."""

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        """Merge patch; with a metadata.resourceVersion, Conflict when the object has changed since."""

    def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str = "", version: int = 0
    ) -> None:
        """Delete, only the object of this uid and resourceVersion if they are given (else Conflict)."""


class Api(Reader, Writer, Protocol):
    """Reading and writing."""
