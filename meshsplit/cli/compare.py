"""Rendered objects against those of another place: what differs, and whether it is only weights."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from meshsplit.diagnostics import ObjectRef
from meshsplit.istio import names
from meshsplit.model import FULL, GroupKey, Split

Body = Mapping[str, Any]
Shares = tuple[tuple[str, int], ...]
Redraw = Callable[[ObjectRef, Split], Body | None]
"""Renders an object of ours at another split; None when it is no group's or has not these members."""

API_GROUP = "networking.istio.io/"
KINDS = frozenset({"VirtualService", "DestinationRule"})
PER_MILLE = 1000
"""The other total a split may have, for steps below one percent."""

# KServe's name for the Service of an InferenceService's predictor.
_PREDICTOR = "-predictor"

_SERVER_FIELDS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_KUBECTL_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class WeightChange:
    """The shares of one place in an object, before and after, sorted by member."""

    place: str
    before: Shares
    after: Shares


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that differs; `weights` is empty unless it differs in weights only."""

    object: ObjectRef
    change: Literal["added", "changed", "removed"]
    before: Body | None
    after: Body | None
    weights: tuple[WeightChange, ...] = ()


def compare(rendered: Iterable[Body], against: Iterable[Body], redraw: Redraw) -> tuple[Difference, ...]:
    """What turns `against` into `rendered`, sorted by object; fields that a server fills in do not count."""
    before = {ref_of(body): without_server_fields(body) for body in against}
    after = {ref_of(body): without_server_fields(body) for body in rendered}
    differences = []
    for ref in sorted(before.keys() | after.keys()):
        old, new = before.get(ref), after.get(ref)
        if old is None or new is None:
            differences.append(Difference(ref, "added" if old is None else "removed", old, new))
        elif _without_owners(old) != _without_owners(new):
            differences.append(Difference(ref, "changed", old, new, _weight_changes(ref, old, new, redraw)))
    return tuple(differences)


def ref_of(body: Body) -> ObjectRef:
    """The object's kind, namespace and name."""
    metadata = body["metadata"]
    return ObjectRef(body["kind"], metadata.get("namespace") or "", metadata["name"])


def is_ours(body: Body, rendered: frozenset[ObjectRef]) -> bool:
    """Whether meshsplit made the object, by its label, or would make one of that name."""
    if body["kind"] not in KINDS or not str(body["apiVersion"]).startswith(API_GROUP):
        return False
    labels = _mapping(body["metadata"], "labels")
    return labels.get(names.MANAGED_BY) == names.MANAGER or ref_of(body) in rendered


def without_server_fields(body: Body) -> dict[str, Any]:
    """The object as a person would have written it; its spec is shared, not copied."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _SERVER_FIELDS}
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping):
        written = {key: value for key, value in annotations.items() if key != _KUBECTL_ANNOTATION}
        metadata["annotations"] = written
    return {**{key: value for key, value in body.items() if key != "status"}, "metadata": metadata}


def split_of(body: Body) -> Split | None:
    """The split that the object says it realises; None when it says none, or none that adds up."""
    text = _mapping(body["metadata"], "annotations").get(names.WEIGHTS)
    weights = []
    for part in text.split(",") if isinstance(text, str) else ():
        member, _, weight = part.partition("=")
        if not (weight.isascii() and weight.isdigit()):
            return None
        weights.append((member, int(weight)))
    total = sum(weight for _, weight in weights)
    return Split(tuple(sorted(weights)), total) if total in {FULL, PER_MILLE} else None


def splits_of(bodies: Iterable[Body]) -> dict[GroupKey, Split]:
    """What serves, as the objects that meshsplit made say themselves."""
    current = {}
    for body in bodies:
        split = split_of(body) if is_ours(body, frozenset()) else None
        tag = _mapping(body["metadata"], "annotations").get(names.MODEL_TAG)
        if split is not None and isinstance(tag, str):
            current[GroupKey(ref_of(body).namespace, tag)] = split
    return current


def _without_owners(body: Body) -> dict[str, Any]:
    """Files have no uid and so no owner to name; a cluster's copy of the same object does."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "ownerReferences"}
    return {**body, "metadata": metadata}


def _weight_changes(ref: ObjectRef, old: Body, new: Body, redraw: Redraw) -> tuple[WeightChange, ...]:
    routes = _route_changes(old, new)
    if routes and _without_weights(old) == _without_weights(new):
        return routes
    split, target = split_of(old), split_of(new)
    redrawn = redraw(ref, split) if split is not None else None
    if split is None or target is None or redrawn is None:
        return ()
    if _without_owners(without_server_fields(redrawn)) != _without_owners(old):
        return ()
    # The weights of bucket routes are in their regexes, so the annotation is where they can be read.
    place = f"metadata.annotations[{names.WEIGHTS}]"
    return (*routes, _make_change(place, split.weights, target.weights))


def _route_changes(old: Body, new: Body) -> tuple[WeightChange, ...]:
    before, after = _weighted_routes(old), _weighted_routes(new)
    return tuple(
        _make_change(f"spec.http[{name}].route", before[name], after[name])
        for name in before
        if name in after and before[name] != after[name] and max(len(before[name]), len(after[name])) > 1
    )


def _make_change(place: str, before: Shares, after: Shares) -> WeightChange:
    """Both sides with all members: one without weight is left out of a route, and has 0."""
    members = sorted({member for member, _ in (*before, *after)})
    sides = (dict(before), dict(after))
    old, new = (tuple((member, side.get(member, 0)) for member in members) for side in sides)
    return WeightChange(place, old, new)


def _weighted_routes(body: Body) -> dict[str, Shares]:
    """Shares by route, in the object's order; a route is called by its name or its place in the list."""
    routes = _entries(_mapping(body, "spec"), "http")
    return {str(route.get("name", at)): _shares(_entries(route, "route")) for at, route in enumerate(routes)}


def _shares(destinations: list[dict[str, Any]]) -> Shares:
    """Weight by member; where several destinations have one name, they are numbered in order of writing."""
    alone = len(destinations) == 1
    named = [(_member(each), FULL if alone else each.get("weight", 0)) for each in destinations]
    times = Counter(name for name, _ in named)
    seen: Counter[str] = Counter()
    shares = []
    for name, weight in named:
        seen[name] += 1
        if isinstance(weight, int):
            shares.append((name if times[name] == 1 else f"{name} #{seen[name]}", weight))
    return tuple(sorted(shares))


def _member(destination: Body) -> str:
    """The member a destination stands for: the name it is called by in a header, else that of its Service."""
    headers = _mapping(_mapping(_mapping(destination, "headers"), "request"), "set")
    for header in (names.VMODEL_HEADER, names.LOOP_HEADER):
        if header in headers:
            return str(headers[header])
    host = str(_mapping(destination, "destination").get("host", ""))
    return host.partition(".")[0].removesuffix(_PREDICTOR)


def _without_weights(body: Body) -> Body:
    copy = deepcopy(_without_owners(body))
    annotations = copy["metadata"].get("annotations")
    if isinstance(annotations, dict):
        annotations.pop(names.WEIGHTS, None)
    for route in _entries(_mapping(copy, "spec"), "http"):
        for destination in _entries(route, "route"):
            destination.pop("weight", None)
    return copy


def _mapping(body: Body, key: str) -> Mapping[str, Any]:
    """The mapping under `key`; empty when somebody wrote something else there."""
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _entries(body: Body, key: str) -> list[dict[str, Any]]:
    """The mappings of the list under `key`."""
    value = body.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
