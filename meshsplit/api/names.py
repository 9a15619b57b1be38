"""What may be written as a name, a host, a gateway or a duration: Kubernetes' and Istio's own rules.

The patterns are for whole strings, in the syntax that Python and RE2 share: the CRDs carry them too.
"""

import re

MAX_LABEL_VALUE = 63
"""Kubernetes validation.LabelValueMaxLength; also the longest DNS label (RFC 1123)."""
MAX_SUBDOMAIN = 253
"""Kubernetes validation.DNS1123SubdomainMaxLength, the bound of object names and of hosts."""

MAX_PORT = 65535

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
OBJECT_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
DNS_LABEL = rf"[a-z0-9](?:[-a-z0-9]{{0,{MAX_LABEL_VALUE - 2}}}[a-z0-9])?"
LABEL_VALUE = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
QUALIFIED_NAME = rf"(?:{OBJECT_NAME}/)?{LABEL_VALUE}"
"""The key of a label or an annotation."""
HOST_NAME = rf"{DNS_LABEL}(?:\.{DNS_LABEL})*"
# At most five digits, 1 to 65535.
_PORT = (
    r"(?:0{0,4}[1-9]|0{0,3}[1-9][0-9]|0{0,2}[1-9][0-9]{2}|0?[1-9][0-9]{3}"
    r"|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
HOST_PORT = rf"{HOST_NAME}(?::{_PORT})?"
GATEWAY = rf"(?:{DNS_LABEL}/)?{OBJECT_NAME}"

_FILLED = r"\{namespace\}|\{group\}"
_EDGE = rf"(?:[a-z0-9]|{_FILLED})"
_TEMPLATE_LABEL = rf"{_EDGE}(?:(?:[-a-z0-9]|{_FILLED}){{0,{MAX_LABEL_VALUE - 2}}}{_EDGE})?"
HOST_TEMPLATE = (
    rf"(?:\*|(?:\*\.)?{_TEMPLATE_LABEL}(?:\.{_TEMPLATE_LABEL})*)",
    rf"(?:\*\.)?(?:[-*.a-z0-9]|{_FILLED}){{1,{MAX_SUBDOMAIN}}}",
)
"""A host in which each placeholder stands for one character: its labels, and its length."""

_AMOUNT = r"[0-9]{1,5}(?:\.[0-9]{1,3})?"
DURATION = rf"(?:{_AMOUNT}h)?(?:{_AMOUNT}m)?(?:{_AMOUNT}s)?(?:[0-9]{{1,5}}ms)?"
"""Of a text that is not empty."""
NOT_ZERO = r".*[1-9].*"
"""Of a text in which every digit counts, such as a duration."""

_DNS_LABEL = re.compile(DNS_LABEL)
_OBJECT_NAME = re.compile(OBJECT_NAME)
_HOST = re.compile(rf"\*|(?:\*\.)?{HOST_NAME}")
_SPLIT_HOST_PORT = re.compile(rf"({HOST_NAME})(?::({_PORT}))?")
_LABEL_VALUE = re.compile(LABEL_VALUE)


def is_dns_label(text: str) -> bool:
    """Whether `text` is an RFC 1123 label, as the names of namespaces are."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_object_name(text: str) -> bool:
    """Whether `text` is an RFC 1123 subdomain, as the names of most Kubernetes objects are."""
    return len(text) <= MAX_SUBDOMAIN and _OBJECT_NAME.fullmatch(text) is not None


def is_label_value(text: str) -> bool:
    """Whether `text` is a value that a Kubernetes label may have (the empty one left aside)."""
    return len(text) <= MAX_LABEL_VALUE and _LABEL_VALUE.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Whether a VirtualService may name this host: `*`, `*.x` or a name (Istio ValidateWildcardDomain)."""
    return len(text.removeprefix("*.")) <= MAX_SUBDOMAIN and _HOST.fullmatch(text) is not None


def is_host_template(text: str) -> bool:
    """Whether `text` is a host once `{namespace}` and `{group}` are filled in."""
    return matches(text, HOST_TEMPLATE)


def expand_host(template: str, namespace: str, group: str) -> str:
    """Fill in the two placeholders; any other brace stays and is no host."""
    return template.replace("{namespace}", namespace).replace("{group}", group)


def is_gateway(text: str) -> bool:
    """Whether `text` refers to a Gateway: `name` or `namespace/name` (Istio ValidateGatewayNames)."""
    return len(text.rpartition("/")[2]) <= MAX_SUBDOMAIN and matches(text, (GATEWAY,))


def is_duration(text: str) -> bool:
    """Whether `text` is a duration such as `30s`, `0.5s`, `1h30m`: largest unit first, no finer than 1ms."""
    return text != "" and matches(text, (DURATION,))


def split_host_port(text: str, default_port: int) -> tuple[str, int] | None:
    """Read `host` or `host:port`; None when it is neither."""
    found = _SPLIT_HOST_PORT.fullmatch(text)
    if found is None or len(found[1]) > MAX_SUBDOMAIN:
        return None
    return found[1], int(found[2]) if found[2] else default_port


def matches(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether the whole of `text` fits every pattern."""
    return all(re.fullmatch(pattern, text) for pattern in patterns)
