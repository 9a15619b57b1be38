"""Under which keys each cached object is found again, and so which groups its changes touch."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meshsplit.istio.names import splitting_name
from meshsplit.istio.observed import gateways_of, http_of
from meshsplit.kserve.observed import Unread
from meshsplit.model import GroupKey

if TYPE_CHECKING:
    from meshsplit.controller.live import Body, LiveRoute, LiveSplit
    from meshsplit.kserve.objects import InferenceService
    from meshsplit.kube.port import ObjectKey

Key = Hashable
"""A GroupKey, or one of the places below.

The GroupKey of a name stands for everything of that name in its namespace: the group, and the model. They
share their paths, so they are looked at together.
"""


@dataclass(frozen=True, slots=True)
class Named:
    """Everything of one name, in all namespaces: it shares a gRPC key."""

    name: str


@dataclass(frozen=True, slots=True)
class InNamespace:
    """Everything in one namespace."""

    namespace: str


@dataclass(frozen=True, slots=True)
class AtGateway:
    """A gateway, and somebody else's VirtualServices on it."""

    gateway: tuple[str, str]


@dataclass(frozen=True, slots=True)
class RootOf:
    """Somebody else's VirtualServices that delegate to one of ours."""

    delegate: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Share:
    """The percentage of an InferenceService: of those who name it only groups look at that."""

    namespace: str
    name: str


def group_keys(touched: frozenset[Key]) -> frozenset[GroupKey]:
    """Those of the keys that are worked on."""
    return frozenset(key for key in touched if isinstance(key, GroupKey))


def index_service(key: ObjectKey, value: InferenceService | Unread) -> Iterator[Key]:
    """An InferenceService by its own name and by its group's."""
    yield InNamespace(key.namespace)
    for name in {key.name, value.tag} if value.tag else {key.name}:
        yield GroupKey(key.namespace, name)
        yield Named(name)


def concern_service(
    key: ObjectKey, before: InferenceService | Unread, after: InferenceService | Unread
) -> Iterator[Key]:
    """Whom an edit of an InferenceService concerns; its own routes do not depend on its percentage."""
    if _differ_in_share(before, after):
        yield GroupKey(key.namespace, after.tag or "")
        yield Share(key.namespace, key.name)
    else:
        yield from index_service(key, before)
        yield from index_service(key, after)


def _differ_in_share(before: InferenceService | Unread, after: InferenceService | Unread) -> bool:
    """Whether nothing but the percentage differs, of one that is in a group."""
    if isinstance(before, Unread) or isinstance(after, Unread) or not after.tag:
        return False
    texts = isinstance(before.percent, str) and isinstance(after.percent, str)
    return texts and replace(before, percent=after.percent) == after


def index_split(key: ObjectKey, value: LiveSplit) -> Iterator[Key]:
    """A ModelSplit by its group, its own name and the names of the members it lists."""
    yield InNamespace(key.namespace)
    yield Named(value.key.name)
    for name in {key.name, value.key.name, *value.members}:
        yield GroupKey(key.namespace, name)


def index_scope(key: ObjectKey, _value: object) -> Iterator[Key]:
    """A runtime by its namespace ("" for the cluster's), a Namespace by its name."""
    yield InNamespace(key.namespace)


def index_namespace(key: ObjectKey, _value: object) -> Iterator[Key]:
    """A Namespace by its own name."""
    yield InNamespace(key.name)


def index_route(key: ObjectKey, value: LiveRoute) -> Iterator[Key]:
    """A VirtualService by the model or group whose it may be; somebody else's also by its gateways."""
    stem = group_of_route(key.name)
    if stem and value.model is None:
        yield GroupKey(key.namespace, stem)
    if value.group is None:
        yield GroupKey(key.namespace, key.name)
    if not value.ours:
        yield from _index_foreign(value.body)


def index_gateway(key: ObjectKey, _value: object) -> Iterator[Key]:
    """A Gateway by itself."""
    yield AtGateway((key.namespace, key.name))


def group_of_route(name: str) -> str | None:
    """The group whose VirtualService has that name; None when no group's has."""
    stem = name.removesuffix(splitting_name(""))
    return stem if stem and stem != name else None


def _index_foreign(body: Body) -> Iterator[Key]:
    for gateway in gateways_of(body):
        yield AtGateway(gateway)
    for route in http_of(body):
        delegate = route.get("delegate") or {}
        if delegate.get("name"):
            yield RootOf((delegate.get("namespace") or body["metadata"]["namespace"], delegate["name"]))
