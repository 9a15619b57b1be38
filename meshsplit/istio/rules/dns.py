"""Istio's rules for names and hosts (pkg/config/validation/agent/validation.go, pkg/config/host/name.go)."""

import re
from functools import lru_cache
from ipaddress import ip_address

MAX_DOMAIN = 255
"""CheckDNS1123Preconditions."""

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL, re.IGNORECASE)
_WILDCARD_LABEL = re.compile(rf"\*|(?:\*|\*-)?{_LABEL}", re.IGNORECASE)
MAX_LABEL = 63
_HOSTS = 1024
"""Hosts that are remembered: the routes of a namespace name the same few."""


def is_label(text: str) -> bool:
    """Whether `text` is one DNS label; Istio takes capitals too (pkg/config/labels)."""
    return len(text) <= MAX_LABEL and _DNS_LABEL.fullmatch(text) is not None


def why_not_domain(domain: str) -> str | None:
    """Say why `domain` is no host name; a final dot is fine, an all-numeric last label is not."""
    if not 0 < len(domain) <= MAX_DOMAIN:
        return f"domain name {domain!r:.80} is empty or longer than {MAX_DOMAIN} characters"
    *labels, last = domain.split(".")
    if last.isdecimal():
        return f"domain name {domain!r}: the last label cannot be all-numeric"
    bad = next((label for label in labels if not is_label(label)), None)
    if bad is None and (is_label(last) or (last == "" and labels)):
        return None
    return f"domain name {domain!r}: label {last if bad is None else bad!r} is invalid"


@lru_cache(_HOSTS)
def why_not_wildcard_domain(domain: str) -> str | None:
    """Say why `domain` is no host name of which the first label may be or begin with `*`."""
    if not 0 < len(domain) <= MAX_DOMAIN:
        return f"domain name {domain!r:.80} is empty or longer than {MAX_DOMAIN} characters"
    first, dot, rest = domain.partition(".")
    if len(first) > MAX_LABEL or _WILDCARD_LABEL.fullmatch(first) is None:
        return f"domain name {domain!r}: label {first!r} is invalid"
    return why_not_domain(rest) if dot and rest else None


@lru_cache(_HOSTS)
def is_ip(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def hosts_overlap(one: str, other: str) -> bool:
    """Whether some host is covered by both; `*` and `*.suffix` are wildcards."""
    if one.startswith("*") and other.startswith("*"):
        return one.endswith(other[1:]) or other.endswith(one[1:])
    if one.startswith("*"):
        return other.endswith(one[1:])
    return one.endswith(other[1:]) if other.startswith("*") else one == other
