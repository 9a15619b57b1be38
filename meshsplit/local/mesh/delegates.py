"""Root VirtualServices with the routes of their delegates put in (Istio: model/virtualservice.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.schema import UnsupportedField

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from meshsplit.local.mesh.virtualservice import HttpMatch, HttpRoute, StringMatch, VirtualService

# What a delegate's route takes from its root's route when it says nothing itself.
_INHERITED_BY_ROUTE = (
    "rewrite",
    "direct_response",
    "timeout",
    "retries",
    "mirror",
    "mirror_percentage",
    "headers",
)
_INHERITED_BY_MATCH = ("uri", "scheme", "method", "authority")
_MERGED_MAPS = ("headers", "without_headers", "query_params")


def to_roots(virtual_services: Iterable[VirtualService]) -> list[VirtualService]:
    """The VirtualServices that have hosts, in the order given, delegates resolved.

    A route to a delegate that does not exist is left out, as is a delegate's route outside its root's match.
    """
    services = list(virtual_services)
    delegates = {
        (it.metadata.namespace, it.metadata.name): _refuse_nested(it) for it in services if not it.spec.hosts
    }
    return [_resolve(it, delegates) for it in services if it.spec.hosts]


def _refuse_nested(delegate: VirtualService) -> VirtualService:
    for index, route in enumerate(delegate.spec.http):
        if route.delegate:
            raise UnsupportedField(
                f"{delegate.title}: spec.http[{index}].delegate: a delegate cannot delegate"
            )
    return delegate


def _resolve(root: VirtualService, delegates: Mapping[tuple[str, str], VirtualService]) -> VirtualService:
    routes: list[HttpRoute] = []
    for route in root.spec.http:
        if route.delegate is None:
            routes.append(route)
            continue
        key = (route.delegate.namespace or root.metadata.namespace, route.delegate.name)
        if key in delegates:
            routes.extend(_merge_routes(route, delegates[key].spec.http))
    return root.model_copy(update={"spec": root.spec.model_copy(update={"http": routes})})


def _merge_routes(root: HttpRoute, leaves: Iterable[HttpRoute]) -> Iterator[HttpRoute]:
    for leaf in leaves:
        match = _merge_matches(root.match, leaf.match)
        if match is not None:
            inherited = {name: getattr(leaf, name) or getattr(root, name) for name in _INHERITED_BY_ROUTE}
            name = "-".join(part for part in (root.name, leaf.name) if part)
            yield leaf.model_copy(update={**inherited, "name": name, "match": match})


def _merge_matches(roots: Sequence[HttpMatch], leaves: Sequence[HttpMatch]) -> Sequence[HttpMatch] | None:
    """Both conditions at once; None when a leaf's condition lies inside none of the root's."""
    if not roots or not leaves:
        return leaves or roots
    merged: list[HttpMatch] = []
    for leaf in leaves:
        inside = [_merge_match(root, leaf) for root in roots if not _conflict(root, leaf)]
        if not inside:
            return None
        merged.extend(inside)
    return merged


def _merge_match(root: HttpMatch, leaf: HttpMatch) -> HttpMatch:
    update: dict[str, Any] = {
        name: getattr(root, name) if getattr(leaf, name) is None else getattr(leaf, name)
        for name in _INHERITED_BY_MATCH
    }
    update |= {name: {**getattr(root, name), **getattr(leaf, name)} for name in _MERGED_MAPS}
    update["name"] = "-".join(part for part in (root.name, leaf.name) if part)
    update["gateways"] = leaf.gateways or root.gateways
    return leaf.model_copy(update=update)


def _conflict(root: HttpMatch, leaf: HttpMatch) -> bool:
    if root.ignore_uri_case != leaf.ignore_uri_case:
        return True
    if root.gateways and not set(leaf.gateways) <= set(root.gateways):
        return True
    if any(_outside(getattr(root, name), getattr(leaf, name)) for name in _INHERITED_BY_MATCH):
        return True
    return any(
        _outside(getattr(root, name).get(key), value)
        for name in _MERGED_MAPS
        for key, value in getattr(leaf, name).items()
    )


def _outside(root: StringMatch | None, leaf: StringMatch | None) -> bool:
    """Whether `leaf` may match something that `root` does not (Istio: stringMatchConflict)."""
    if root is None or leaf is None:
        return False
    if root.regex or leaf.regex:
        return _is_set(root) and _is_set(leaf)
    if root.exact:
        return leaf.exact != root.exact
    if root.prefix and (leaf.prefix or leaf.exact):
        return not (leaf.prefix or leaf.exact or "").startswith(root.prefix)
    return True


def _is_set(match: StringMatch) -> bool:
    return bool(match.exact or match.prefix or match.regex)
