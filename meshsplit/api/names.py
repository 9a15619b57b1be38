"""What may be written as a name, a host, a gateway or a duration: Kubernetes' and Istio's own rules."""

import re

MAX_LABEL_VALUE = 63
"""Kubernetes validation.LabelValueMaxLength; also the longest DNS label (RFC 1123)."""
MAX_SUBDOMAIN = 253
"""Kubernetes validation.DNS1123SubdomainMaxLength, the bound of object names and of hosts."""
MAX_PORT = 65535


_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_DNS_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_AMOUNT = r"[0-9]{1,5}(?:\.[0-9]{1,3})?"
_DURATION = re.compile(rf"(?:{_AMOUNT}h)?(?:{_AMOUNT}m)?(?:{_AMOUNT}s)?(?:[0-9]{{1,5}}ms)?")


def is_dns_label(text: str) -> bool:
    """Whether `text` is an RFC 1123 label, as the names of namespaces are."""
    return len(text) <= MAX_LABEL_VALUE and _DNS_LABEL.fullmatch(text) is not None


def is_object_name(text: str) -> bool:
    """Whether `text` is an RFC 1123 subdomain, as the names of most Kubernetes objects are."""
    return len(text) <= MAX_SUBDOMAIN and _DNS_SUBDOMAIN.fullmatch(text) is not None


def is_label_value(text: str) -> bool:
    """Whether `text` is a value that a Kubernetes label may have (the empty one left aside)."""
    return len(text) <= MAX_LABEL_VALUE and _LABEL_VALUE.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Whether a VirtualService may name this host: `*`, `*.x` or a name (Istio ValidateWildcardDomain)."""
    name = text.removeprefix("*.")
    return text == "*" or (is_object_name(name) and all(map(is_dns_label, name.split("."))))


def is_host_template(text: str) -> bool:
    """Whether `text` is a host once `{namespace}` and `{group}` are filled in."""
    return is_host(expand_host(text, "n", "g"))


def expand_host(template: str, namespace: str, group: str) -> str:
    """Fill in the two placeholders; any other brace stays and is no host."""
    return template.replace("{namespace}", namespace).replace("{group}", group)


def is_gateway(text: str) -> bool:
    """Whether `text` refers to a Gateway: `name` or `namespace/name` (Istio ValidateGatewayNames)."""
    namespace, slash, name = text.rpartition("/")
    return is_object_name(name) and (not slash or is_dns_label(namespace))


def is_duration(text: str) -> bool:
    """Whether `text` is a duration such as `30s`, `0.5s`, `1h30m`: largest unit first, no finer than 1ms."""
    return text != "" and _DURATION.fullmatch(text) is not None


def split_host_port(text: str, default_port: int) -> tuple[str, int] | None:
    """Read `host` or `host:port`; None when it is neither."""
    host, colon, digits = text.partition(":")
    if not is_host(host) or host.startswith("*"):
        return None
    if not colon:
        return host, default_port
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not 1 <= int(digits) <= MAX_PORT:
        return None
    return host, int(digits)
