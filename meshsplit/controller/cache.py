"""What the cluster holds, one store per resource type, and the view of one group in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from meshsplit.controller.index import (
    AtGateway,
    InNamespace,
    Key,
    Named,
    RootOf,
    Share,
    concern_service,
    group_keys,
    group_of_route,
    index_gateway,
    index_namespace,
    index_route,
    index_scope,
    index_service,
    index_split,
)
from meshsplit.controller.mirror import is_tagged
from meshsplit.istio.names import splitting_name
from meshsplit.istio.observed import resolve_gateway
from meshsplit.kserve.objects import InferenceService, NamespaceObject, ServingRuntime
from meshsplit.kserve.observed import Observed, Reading, Unread
from meshsplit.kube.port import ObjectKey
from meshsplit.kube.store import Store
from meshsplit.model import GroupKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsplit.controller.claims import Claims
    from meshsplit.controller.live import Body, LiveRoute, LiveSplit
    from meshsplit.model import Routing, World


@dataclass(frozen=True, slots=True)
class View:
    """What is known of one key: the objects that decide about it, and our own about it.

    `tagged` is True when an InferenceService carries the tag of that name. `splits` are the ModelSplits about
    its group, `routes` the VirtualServices of its two names, whosever they are.
    """

    key: GroupKey
    observed: Observed
    tagged: bool
    splits: tuple[LiveSplit, ...]
    routes: tuple[LiveRoute, ...]

    def with_split(self, split: LiveSplit) -> View:
        """The same with one ModelSplit as it has just been written."""
        ref = split.reading.split.ref
        self.observed.splits[ref] = split.reading.split
        others = tuple(each for each in self.splits if each.reading.split.ref != ref)
        return replace(self, splits=(*others, split))

    def route(self, name: str) -> LiveRoute | None:
        """The VirtualService of that name."""
        return next((route for route in self.routes if route.name == name), None)

    @property
    def group_route(self) -> LiveRoute | None:
        """The VirtualService of the group's name."""
        return self.route(splitting_name(self.key.name))


@dataclass(slots=True)
class Cache:
    """All stores. `claims` knows who may stand in whose way at a host of its own.

    `versions` are those of DistributedInferenceServices, which a ModelSplit may list as members.
    """

    claims: Claims
    services: Store[InferenceService | Unread, Key] = field(
        default_factory=lambda: Store(index_service, concern=concern_service)
    )
    versions: Store[InferenceService, Key] = field(default_factory=lambda: Store(index_service))
    runtimes: Store[ServingRuntime | Unread, Key] = field(default_factory=lambda: Store(index_scope))
    cluster_runtimes: Store[ServingRuntime | Unread, Key] = field(default_factory=lambda: Store(index_scope))
    namespaces: Store[NamespaceObject | Unread, Key] = field(default_factory=lambda: Store(index_namespace))
    splits: Store[LiveSplit, Key] = field(
        default_factory=lambda: Store(index_split, version=lambda split: split.version)
    )
    routes: Store[LiveRoute, Key] = field(
        default_factory=lambda: Store(index_route, version=lambda route: route.version)
    )
    gateways: Store[Body, Key] = field(default_factory=lambda: Store(index_gateway))

    def view(self, key: GroupKey) -> View:
        """Everything that decides about `key`, and nothing that does not."""
        keys = self._closure(key)
        context = keys | frozenset(chain.from_iterable(self._groups_of(each) for each in keys))
        splits = self._live_splits(context)
        observed = Observed()
        for service in self._services_of(context, splits):
            observed.add(service)
        for split in splits:
            observed.add(split.reading)
        self._add_surroundings(observed, {each.namespace for each in context})
        return self.view_in(observed, key)

    def view_in(self, observed: Observed, key: GroupKey) -> View:
        """The view of `key` with this, which holds at least what decides about it."""
        splits = self._live_splits(frozenset({key}))
        return View(
            key=key,
            observed=observed,
            tagged=is_tagged(key, self.services.of_group(key)),
            splits=tuple(splits),
            routes=self._routes_of(key),
        )

    def whole(self) -> Observed:
        """Everything at once."""
        observed = Observed()
        readings: Iterable[Reading] = chain(
            self.services.values(),
            self.versions.values(),
            self.runtimes.values(),
            self.cluster_runtimes.values(),
            self.namespaces.values(),
            (split.reading for split in self.splits.values() if not split.deleting),
        )
        for reading in readings:
            observed.add(reading)
        return observed

    def keys(self) -> frozenset[GroupKey]:
        """Every key that has anything."""
        return group_keys(self.services.groups() | self.splits.groups() | self.routes.groups())

    def keys_in(self, *namespaces: str) -> frozenset[GroupKey]:
        """Every key of these namespaces, "" for all."""
        wanted = frozenset(namespaces)
        return frozenset(key for key in self.keys() if "" in wanted or key.namespace in wanted)

    def obstacles(self, world: World, keys: Iterable[GroupKey]) -> list[Body]:
        """The Istio objects that what is written of `world`, for `keys`, may collide with."""
        names = [(key.namespace, name) for key in keys for name in (key.name, splitting_name(key.name))]
        gateways = {
            (gateway, namespace) for namespace, routing in _routings(world) for gateway in routing.gateways
        }
        resolved = {resolve_gateway(name, namespace) for name, namespace in gateways}
        foreign = chain(
            *(self.routes.of_group(AtGateway(gateway)) for gateway in resolved),
            *(self.routes.of_group(RootOf(name)) for name in names),
        )
        found = {route.identity: route.body for route in foreign}
        for namespace, name in names:
            route = self.routes.get(ObjectKey(namespace, name))
            # One of ours matters where there is somebody it may be younger than.
            if route is not None and (found or route.tracked or not route.made_here):
                found[route.identity] = route.body
        return [*found.values(), *self.gateways.values()]

    def related(self, key: GroupKey) -> frozenset[GroupKey]:
        """The keys that `key` may take something from or lose something to, itself left out."""
        found = set(self.claims.rivals(key))
        for other in self._name_relations(key):
            if self._exists(other):
                found.add(other)
        return frozenset(found - {key})

    def touched_by_services(self, touched: frozenset[Key]) -> frozenset[GroupKey]:
        """Whom a change of InferenceServices concerns: also the groups that list one by name."""
        keys = group_keys(touched)
        shares = {GroupKey(each.namespace, each.name) for each in touched if isinstance(each, Share)}
        return keys | {split.key for key in keys | shares for split in self.splits.of_group(key)}

    def touched_by_splits(self, touched: frozenset[Key]) -> frozenset[GroupKey]:
        """Whom a change of ModelSplits concerns: also the group's tagged members."""
        keys = group_keys(touched)
        members = (service.ref for key in keys for service in self.services.of_group(key))
        return keys | {GroupKey(ref.namespace, ref.name) for ref in members}

    def touched_by_scopes(self, touched: frozenset[Key]) -> frozenset[GroupKey]:
        """Whom a change of a Namespace or a runtime concerns."""
        return self.keys_in(*(key.namespace for key in touched if isinstance(key, InNamespace)))

    def touched_by_gateways(self, touched: frozenset[Key]) -> frozenset[GroupKey]:
        """Whom a change of Gateways concerns: everybody who is bound to one."""
        gateways = {"/".join(key.gateway) for key in touched if isinstance(key, AtGateway)}
        return self.claims.bound_to(gateways)

    def _closure(self, key: GroupKey) -> frozenset[GroupKey]:
        found, waiting = {key}, [key]
        while waiting:
            for other in self.related(waiting.pop()) - found:
                found.add(other)
                waiting.append(other)
        return frozenset(found)

    def _name_relations(self, key: GroupKey) -> set[GroupKey]:
        """Names whose VirtualServices would clash, and the same name elsewhere."""
        stem = group_of_route(key.name)
        clashing = {GroupKey(key.namespace, splitting_name(key.name))}
        clashing |= {GroupKey(key.namespace, stem)} if stem else set()
        named = Named(key.name)
        namespaces = {service.ref.namespace for service in self.services.of_group(named)}
        namespaces |= {split.key.namespace for split in self.splits.of_group(named)}
        return clashing | {GroupKey(namespace, key.name) for namespace in namespaces}

    def _exists(self, key: GroupKey) -> bool:
        return bool(self.services.of_group(key) or self.splits.of_group(key))

    def _groups_of(self, key: GroupKey) -> set[GroupKey]:
        """The groups that the model of this name is in."""
        model = self.services.get(ObjectKey(key.namespace, key.name))
        tagged = {GroupKey(key.namespace, model.tag)} if model is not None and model.tag else set()
        return tagged | {split.key for split in self.splits.of_group(key)}

    def _live_splits(self, keys: frozenset[GroupKey]) -> list[LiveSplit]:
        found = {
            split.reading.split.ref: split
            for key in keys
            for split in self.splits.of_group(key)
            if split.key in keys and not split.deleting
        }
        return [found[ref] for ref in sorted(found)]

    def _services_of(
        self, keys: frozenset[GroupKey], splits: Iterable[LiveSplit]
    ) -> list[InferenceService | Unread]:
        found = {service.ref: service for key in keys for service in self.services.of_group(key)}
        for split in splits:
            for name in split.members:
                key = ObjectKey(split.key.namespace, name)
                service = self.services.get(key) or self.versions.get(key)
                if service is not None:
                    found[service.ref] = service
        return [found[ref] for ref in sorted(found)]

    def _add_surroundings(self, observed: Observed, namespaces: set[str]) -> None:
        readings: list[Reading] = [*self.cluster_runtimes.values()]
        for namespace in namespaces:
            readings += self.namespaces.of_group(InNamespace(namespace))
            readings += self.runtimes.of_group(InNamespace(namespace))
        for reading in readings:
            observed.add(reading)

    def _routes_of(self, key: GroupKey) -> tuple[LiveRoute, ...]:
        names = (key.name, splitting_name(key.name))
        found = (self.routes.get(ObjectKey(key.namespace, name)) for name in names)
        return tuple(route for route in found if route is not None)


def _routings(world: World) -> Iterable[tuple[str, Routing]]:
    for group in world.groups:
        yield group.key.namespace, group.routing
    for model in world.models:
        yield model.namespace, model.routing
