"""Istio's rules for headers (pkg/config/validation: validation.go, header_value_validator.go)."""

import re

_NAME = re.compile(r"[-_A-Za-z0-9]+")
_CLAIM = re.compile(r"@request\.auth\.claims(\.|\[).*", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FORMATTED = re.compile(
    r"""
    (?: [^%] | %%                                       # text, an escaped percent sign
      | % [^%(]+ (?: \( (?: [^)"\\] | \\. | "(?:[^"\\]|\\.)*" )* \) [ ]* )? %   # %VAR%, %VAR(arguments)%
    )*+
    """,
    re.VERBOSE | re.DOTALL,
)


def why_not_header_name(name: str) -> str | None:
    """Say why no header of this name can be matched; a JWT claim (`@request.auth.claims…`) can."""
    if _NAME.fullmatch(name) or _CLAIM.fullmatch(name):
        return None
    return f"{name!r} is not a valid header name"


def is_authority(name: str) -> bool:
    """Whether the header is the request's host, under its HTTP/1 or HTTP/2 name."""
    return name.lower() in ("host", ":authority")


def why_not_writable(name: str, on_request: bool) -> str | None:
    """Say why a header cannot be set or added; of the pseudo headers only a request's host can."""
    if not name:
        return "header name cannot be empty"
    if on_request and is_authority(name):
        return None
    return why_not_removable(name)


def why_not_removable(name: str) -> str | None:
    """Say why a header cannot be removed from a request, or changed on a response."""
    if not name:
        return "header name cannot be empty"
    if name.startswith(":") or name.lower() == "host":
        return f"header {name!r} cannot be changed here"
    return None


def why_not_header_value(value: str) -> str | None:
    """Say why Envoy would refuse a header value: control characters, or percent signs that do not balance."""
    if _FORBIDDEN.search(value):
        return f"header value {value!r} has control characters"
    if not _FORMATTED.fullmatch(value):
        return f"header value {value!r} has an unbalanced %"
    return None
