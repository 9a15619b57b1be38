"""Istio's rules for one HTTP route (pkg/config/validation/virtualservice.go, validateHTTPRoute)."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from meshsplit.diagnostics import FieldPath
from meshsplit.istio.rules import dns
from meshsplit.istio.rules.durations import why_not_duration
from meshsplit.istio.rules.headers import (
    is_authority,
    why_not_header_value,
    why_not_removable,
    why_not_writable,
)
from meshsplit.istio.rules.matches import check_match, check_regex
from meshsplit.istio.rules.ports import check_port
from meshsplit.istio.rules.violation import Violation

MAX_INT32 = 2**31 - 1
LARGEST_PERCENT = 100

RETRY_CONDITIONS = frozenset(
    (
        *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx"),
        *("refused-stream", "retriable-status-codes", "retriable-headers", "envoy-ratelimited"),
        *("http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal"),
        *("resource-exhausted", "unavailable"),
    )
)
"""supportedRetryOnPolicies; HTTP status codes may stand beside them."""

Fields = Mapping[str, Any]


def check_http_route(route: Fields, path: FieldPath, is_delegate: bool) -> Iterator[Violation]:
    """Check one route; `is_delegate` when its VirtualService has no hosts."""
    yield from _check_action(route, path, is_delegate)
    for index, match in enumerate(route.get("match") or []):
        yield from check_match(match, (*path, "match", index))
    if route.get("headers") is not None:
        yield from check_header_operations(route["headers"], (*path, "headers"))
    if route.get("rewrite") is not None:
        yield from _check_rewrite(route, route["rewrite"], (*path, "rewrite"))
    yield from check_destinations(route.get("route") or [], (*path, "route"))
    if route.get("retries") is not None:
        yield from _check_retries(route["retries"], (*path, "retries"))
    yield from _check_mirror(route, path)
    if route.get("timeout") is not None and (problem := why_not_duration(route["timeout"])):
        yield Violation((*path, "timeout"), problem)


def check_destinations(destinations: Sequence[Fields], path: FieldPath) -> Iterator[Violation]:
    """Check weighted destinations: weights are relative, so Istio wants a total, not 100."""
    for index, each in enumerate(destinations):
        here = (*path, index)
        yield from check_header_operations(each.get("headers"), (*here, "headers"))
        if each.get("destination") is None:
            yield Violation(here, "destination is required")
        else:
            yield from check_service(each["destination"], (*here, "destination"))
        if not 0 <= (each.get("weight") or 0) <= MAX_INT32:
            yield Violation((*here, "weight"), f"weight {each['weight']} is not between 0 and {MAX_INT32}")
    if len(destinations) > 1 and sum(each.get("weight") or 0 for each in destinations) == 0:
        yield Violation(path, "the weights of several destinations add up to 0")


def check_service(service: Fields, path: FieldPath) -> Iterator[Violation]:
    """Check a destination's host, subset and port."""
    host, subset, port = service.get("host") or "", service.get("subset"), service.get("port")
    if problem := "host * is no destination" if host == "*" else dns.why_not_wildcard_domain(host):
        yield Violation((*path, "host"), problem)
    if subset and not dns.is_label(subset):
        yield Violation((*path, "subset"), f"subset {subset!r} is not a DNS label")
    if port is not None:
        yield from check_port(port.get("number"), (*path, "port", "number"))


def check_header_operations(headers: Fields | None, path: FieldPath) -> Iterator[Violation]:
    """Check what is set, added and removed on requests and responses."""
    for side, operations in (headers or {}).items():
        if side not in ("request", "response") or operations is None:
            continue
        for operation in ("add", "set"):
            for name, value in (operations.get(operation) or {}).items():
                here = (*path, side, operation, name)
                problem = why_not_writable(name, side == "request") or why_not_header_value(value or "")
                if problem:
                    yield Violation(here, problem)
        for index, name in enumerate(operations.get("remove") or []):
            if problem := why_not_removable(name):
                yield Violation((*path, side, "remove", index), problem)


def _check_action(route: Fields, path: FieldPath, is_delegate: bool) -> Iterator[Violation]:
    has = [key for key in ("route", "redirect", "directResponse") if route.get(key)]
    if route.get("delegate") is not None:
        if is_delegate:
            yield Violation((*path, "delegate"), "a delegate cannot delegate")
        for key in has:
            yield Violation((*path, key), f"a route that delegates has no {key}")
    elif not has:
        yield Violation(path, "route, redirect or directResponse is required")
    elif len(has) > 1 or (has != ["route"] and route.get("rewrite")):
        others = [*has[1:], *(["rewrite"] if route.get("rewrite") and has != ["route"] else [])]
        yield Violation((*path, others[0]), f"{has[0]} does not go with {' and '.join(others)}")


def _check_rewrite(route: Fields, rewrite: Fields, path: FieldPath) -> Iterator[Violation]:
    uri, regex, authority = (rewrite.get(key) for key in ("uri", "uriRegexRewrite", "authority"))
    if uri and regex is not None:
        yield Violation(path, "only one of uri and uriRegexRewrite may be set")
    if not uri and regex is None and not authority:
        yield Violation(path, "one of uri, uriRegexRewrite and authority is required")
    if regex is not None:
        if not regex.get("match") or not regex.get("rewrite"):
            yield Violation((*path, "uriRegexRewrite"), "match and rewrite are required")
        else:
            yield from check_regex(regex["match"], (*path, "uriRegexRewrite", "match"))
    operations = (route.get("headers") or {}).get("request") or {}
    written = [name for op in ("set", "add") for name in operations.get(op) or {} if is_authority(name)]
    if authority and written:
        yield Violation((*path, "authority"), f"header {written[0]!r} sets the authority as well")


def _check_retries(retries: Fields, path: FieldPath) -> Iterator[Violation]:
    attempts = retries.get("attempts") or 0
    if not 0 <= attempts <= MAX_INT32:
        yield Violation((*path, "attempts"), f"attempts {attempts} is not between 0 and {MAX_INT32}")
    if attempts == 0 and (retries.get("perTryTimeout") is not None or retries.get("retryOn")):
        yield Violation(path, "attempts: 0 switches retries off and goes with no other field")
    if retries.get("perTryTimeout") is not None and (problem := why_not_duration(retries["perTryTimeout"])):
        yield Violation((*path, "perTryTimeout"), problem)
    for condition in (retries.get("retryOn") or "").split(",") if retries.get("retryOn") else []:
        if condition not in RETRY_CONDITIONS and not _is_status_code(condition):
            yield Violation((*path, "retryOn"), f"{condition!r} is not a retry condition")


def _check_mirror(route: Fields, path: FieldPath) -> Iterator[Violation]:
    if route.get("mirror") is not None:
        yield from check_service(route["mirror"], (*path, "mirror"))
    value = (route.get("mirrorPercentage") or {}).get("value") or 0
    if not 0 <= value <= LARGEST_PERCENT:
        here = (*path, "mirrorPercentage", "value")
        yield Violation(here, f"{value} is not a percentage from 0 to {LARGEST_PERCENT}")


def _is_status_code(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) in set(HTTPStatus)
