"""Istio's rules for one match (pkg/config/validation/virtualservice.go, validateHTTPRouteMatchRequest)."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshsplit.diagnostics import FieldPath
from meshsplit.istio.rules import dns
from meshsplit.istio.rules.gateways import check_gateway_names
from meshsplit.istio.rules.headers import why_not_header_name
from meshsplit.istio.rules.ports import check_port
from meshsplit.istio.rules.re2 import why_not_re2
from meshsplit.istio.rules.violation import Violation

MAX_REGEX = 1024
"""Bytes; validateStringRegexp."""

PRESENT = "*"
"""Not a regex but Istio's word for "any value"; it is one in withoutHeaders only."""

Fields = Mapping[str, Any]


def check_match(match: Fields, path: FieldPath) -> Iterator[Violation]:
    """Check the conditions of one match."""
    for field in ("uri", "scheme", "method", "authority"):
        if match.get(field) is not None:
            yield from _check_string_match(match[field], (*path, field), empty_prefix=field == "uri")
    for name, value in (match.get("queryParams") or {}).items():
        yield from _check_string_match(value, (*path, "queryParams", name))
    yield from _check_headers(match, path)
    if match.get("port"):
        yield from check_port(match["port"], (*path, "port"))
    yield from check_gateway_names(match.get("gateways") or [], (*path, "gateways"))
    namespace = match.get("sourceNamespace")
    if namespace and not dns.is_label(namespace):
        yield Violation((*path, "sourceNamespace"), f"{namespace!r} is not a DNS label")


def check_regex(regex: str, path: FieldPath) -> Iterator[Violation]:
    """Check that a regex is RE2 and not too long for Envoy."""
    if not regex:
        yield Violation(path, "a regex cannot be empty")
    elif len(regex.encode(errors="surrogatepass")) > MAX_REGEX:
        yield Violation(path, f"a regex cannot be longer than {MAX_REGEX} bytes")
    elif problem := why_not_re2(regex):
        yield Violation(path, f"regex {regex!r:.80}: {problem}")


def _check_headers(match: Fields, path: FieldPath) -> Iterator[Violation]:
    for field in ("headers", "withoutHeaders"):
        for name, value in (match.get(field) or {}).items():
            here = (*path, field, name)
            if problem := why_not_header_name(name):
                yield Violation(here, problem)
            if field == "headers" and value is None:
                yield Violation(here, "a header match cannot be null")
            elif field == "headers" or (value or {}).get("regex") != PRESENT:
                yield from _check_string_match(value, here)


def _check_string_match(
    match: Fields | None, path: FieldPath, empty_prefix: bool = False
) -> Iterator[Violation]:
    """At most one kind; none at all asks only that a header or parameter is there."""
    kinds = [kind for kind in ("exact", "prefix", "regex") if (match or {}).get(kind) is not None]
    if match is None or not kinds:
        return
    if len(kinds) > 1:
        yield Violation(path, f"only one of {' and '.join(kinds)} may be set")
    if "prefix" in kinds and not match["prefix"] and not empty_prefix:
        yield Violation((*path, "prefix"), "a prefix cannot be empty")
    if "regex" in kinds:
        yield from check_regex(match["regex"], (*path, "regex"))
