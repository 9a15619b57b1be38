"""Delegates and their roots: what istiod drops when it merges them (pilot/pkg/model/virtualservice.go)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshsplit.diagnostics import Finding, Related
from meshsplit.istio.observed import Body, Key, Observed, http_of, key_of, ref_of, spec_of
from meshsplit.istio.overlap import GRPC_PATH, describe, is_grpc

Match = Mapping[str, Any]


def find_dropped_routes(generated: Sequence[Body], observed: Observed) -> Iterator[Finding]:
    """MSP304: what a root in the input cuts off from a generated delegate, one finding a root's route."""
    delegates = {key_of(made): made for made in generated if not spec_of(made).get("hosts")}
    for root in observed.virtual_services.values():
        for number, route in enumerate(http_of(root)):
            made = delegates.get(_delegate_of(route, root))
            if made is None or not spec_of(root).get("hosts"):
                continue
            lost = [
                match for match in _matches_of(made) if not _is_reachable(route.get("match") or [], match)
            ]
            if lost:
                yield _cut_off(root, number, made, lost)


def _delegate_of(route: Body, root: Body) -> Key:
    delegate = route.get("delegate") or {}
    return delegate.get("namespace") or key_of(root)[0], delegate.get("name") or ""


def _matches_of(made: Body) -> Iterator[Match]:
    for route in http_of(made):
        yield from route.get("match") or []


def _is_reachable(roots: Sequence[Match], match: Match) -> bool:
    """Whether a delegate's match lies within one of the root's; a root's route without matches holds all.

    What is merged must also be met: a gRPC match takes over the root's path, which may be no path of gRPC,
    and a REST match takes over its headers, which may be those of gRPC.
    """
    return not roots or any(not conflicts(root, match) and _can_be_met(root, match) for root in roots)


def _can_be_met(root: Match, match: Match) -> bool:
    uri = root.get("uri") or {}
    if not is_grpc(match):
        return not (match.get("uri") and is_grpc(root))
    if not uri or uri.get("regex"):
        return True
    path = uri.get("exact") or uri.get("prefix") or ""
    return str(path).startswith(GRPC_PATH) or ("exact" not in uri and GRPC_PATH.startswith(path))


def conflicts(root: Match, leaf: Match) -> bool:
    """Whether istiod drops `leaf` under `root` (hasConflict)."""
    pairs = [(root.get(field), leaf.get(field)) for field in ("uri", "scheme", "method", "authority")]
    for field in ("headers", "withoutHeaders", "queryParams"):
        theirs = root.get(field) or {}
        pairs += [(theirs.get(name), value) for name, value in (leaf.get(field) or {}).items()]
    if any(_string_match_conflicts(one, other) for one, other in pairs):
        return True
    if bool(root.get("ignoreUriCase")) != bool(leaf.get("ignoreUriCase")):
        return True
    if root.get("sourceNamespace") and leaf.get("sourceNamespace") != root["sourceNamespace"]:
        return True
    ports = root.get("port"), leaf.get("port")
    return all(ports) and ports[0] != ports[1]


def _string_match_conflicts(root: Match | None, leaf: Match | None) -> bool:
    """Whether `leaf` is no subset of `root`; a regex on either side goes with nothing on the other."""
    if root is None or leaf is None:
        return False
    if root.get("regex") or leaf.get("regex"):
        return True
    if root.get("exact"):
        return bool(leaf.get("prefix")) or leaf.get("exact") != root["exact"]
    if root.get("prefix"):
        text = leaf.get("prefix") or leaf.get("exact")
        return not str(text or "").startswith(root["prefix"])
    return True


def _cut_off(root: Body, number: int, made: Body, lost: Sequence[Match]) -> Finding:
    ref, ours = ref_of(root), ref_of(made)
    route = http_of(root)[number]
    return Finding(
        "MSP304",
        f"{ref} delegates to {ours} by a match that cuts off {len(lost)} of its matches, silently",
        ref,
        ("spec", "http", number, "match" if route.get("match") else "delegate"),
        fix="widen the match: the paths' common prefix without a final slash, and one of the gRPC header",
        details=tuple(dict.fromkeys(f"no longer reached: {describe(match)}" for match in lost)),
        related=(Related(f"the delegate: {ours}", ours),),
    )
