"""Istio's rules for a DestinationRule (pkg/config/validation/validation.go, ValidateDestinationRule)."""

from collections.abc import Iterator, Mapping
from math import isqrt
from typing import Any

from meshsplit.diagnostics import FieldPath
from meshsplit.istio.rules import dns
from meshsplit.istio.rules.durations import is_duration
from meshsplit.istio.rules.ports import check_port
from meshsplit.istio.rules.violation import Violation

MAX_MAGLEV_TABLE = 5_000_011
"""validateLoadBalancer: Envoy's largest table is smaller than this."""

HASH_KEYS = ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")
POLICY_FIELDS = ("outlierDetection", "connectionPool", "loadBalancer", "tls")

Fields = Mapping[str, Any]


def check_destination_rule(spec: Fields) -> Iterator[Violation]:
    """Check host, traffic policies and subsets of a spec of the right shape."""
    if problem := dns.why_not_wildcard_domain(spec.get("host") or ""):
        yield Violation(("spec", "host"), problem)
    yield from _check_policy(spec.get("trafficPolicy"), ("spec", "trafficPolicy"))
    seen: set[str] = set()
    for index, subset in enumerate(spec.get("subsets") or []):
        path, name = ("spec", "subsets", index), subset.get("name") or ""
        if not dns.is_label(name):
            yield Violation((*path, "name"), f"subset {name!r} is not a DNS label")
        elif name in seen:
            yield Violation((*path, "name"), f"subset {name!r} is there twice")
        seen.add(name)
        yield from _check_policy(subset.get("trafficPolicy"), (*path, "trafficPolicy"))


def _check_policy(policy: Fields | None, path: FieldPath) -> Iterator[Violation]:
    if policy is None:
        return
    known = (*POLICY_FIELDS, "portLevelSettings", "tunnel", "proxyProtocol")
    if all(policy.get(field) is None for field in known):
        yield Violation(path, "a traffic policy has at least one field")
    yield from _check_load_balancer(policy.get("loadBalancer"), (*path, "loadBalancer"))
    for index, settings in enumerate(policy.get("portLevelSettings") or []):
        here = (*path, "portLevelSettings", index)
        yield from check_port((settings.get("port") or {}).get("number"), (*here, "port", "number"))
        if all(settings.get(field) is None for field in POLICY_FIELDS):
            yield Violation(here, "a port's traffic policy has at least one field")
        yield from _check_load_balancer(settings.get("loadBalancer"), (*here, "loadBalancer"))


def _check_load_balancer(settings: Fields | None, path: FieldPath) -> Iterator[Violation]:
    hash_by = (settings or {}).get("consistentHash")
    if hash_by is None:
        return
    path = (*path, "consistentHash")
    keys = [key for key in HASH_KEYS if hash_by.get(key) is not None]
    if len(keys) > 1:
        yield Violation(path, f"only one of {' and '.join(keys)} may be set")
    cookie, maglev = hash_by.get("httpCookie"), hash_by.get("maglev")
    if cookie is not None:
        yield from _check_cookie(cookie, (*path, "httpCookie"))
    if hash_by.get("httpHeaderName") == "":
        # Istio passes it on, and Envoy then refuses all routes of the port (HashPolicy.Header, min_len).
        yield Violation((*path, "httpHeaderName"), "a header needs a name")
    if hash_by.get("minimumRingSize") and (maglev is not None or hash_by.get("ringHash") is not None):
        yield Violation((*path, "minimumRingSize"), "does not go with maglev or ringHash")
    if maglev is not None and not _is_maglev_table(maglev.get("tableSize") or 0):
        yield Violation((*path, "maglev", "tableSize"), f"want a prime below {MAX_MAGLEV_TABLE}")


def _check_cookie(cookie: Fields, path: FieldPath) -> Iterator[Violation]:
    if not cookie.get("name"):
        yield Violation((*path, "name"), "a cookie needs a name")
    ttl = cookie.get("ttl")
    if ttl is not None and not is_duration(ttl):
        yield Violation((*path, "ttl"), f"{ttl!r} is not a duration such as 0s or 1h")


def _is_maglev_table(size: int) -> bool:
    return 1 < size < MAX_MAGLEV_TABLE and all(size % factor for factor in range(2, isqrt(size) + 1))
