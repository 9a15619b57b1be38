"""The kinds of fields that our own documents are made of, with the bounds that the CRD will carry."""

from typing import Annotated

from pydantic import Field

from meshsplit.api.names import (
    DURATION,
    GATEWAY,
    HOST_NAME,
    HOST_PORT,
    HOST_TEMPLATE,
    MAX_LABEL_VALUE,
    MAX_SUBDOMAIN,
    NOT_ZERO,
    OBJECT_NAME,
)
from meshsplit.api.wire import Matching

# The API server estimates the cost of a CEL rule from these bounds and refuses a CRD without them.
MAX_MEMBERS = 32
MAX_HOSTS = 16
MAX_GATEWAYS = 16
MAX_STEPS = 32
MAX_ENTRIES = 16
MAX_DURATION = 24
MAX_DECIMAL = 24
MAX_TEXT = 253
MAX_URL = 2048
MAX_QUERY = 4096
MAX_TEMPLATE = 320
"""A host of 253 characters in which both placeholders are still unfilled."""
MAX_COUNT = 1_000_000_000
MAX_MESSAGE = 1024
"""Characters of a message; Kubernetes allows 32768, a table and an Event take far less."""

_DECIMAL = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_FRACTION = r"0{1,12}\.[0-9]{1,9}"
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - a token of RFC 9110: the names of headers and cookies
_URL = r"https?://[!-.0-~]+(?:/[!-~]*)?"
"""URLs are printable ASCII (RFC 3986)."""


Percent = Annotated[int, Field(ge=0, le=100)]
Step = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Word = Annotated[str, Field(max_length=MAX_TEXT)]
Message = Annotated[str, Field(max_length=MAX_MESSAGE)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Query = Annotated[str, Field(min_length=1, max_length=MAX_QUERY)]
Tag = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_VALUE)]
Name = Annotated[str, Field(max_length=MAX_SUBDOMAIN), Matching("a lower-case DNS name", OBJECT_NAME)]
Duration = Annotated[
    str,
    Field(min_length=1, max_length=MAX_DURATION),
    Matching("a duration such as 30s or 1h30m", DURATION),
]
PositiveDuration = Annotated[
    str,
    Field(max_length=MAX_DURATION),
    # The VirtualService CRD: duration(self) >= duration('1ms').
    Matching("a duration of at least 1ms such as 30s or 1h30m", DURATION, NOT_ZERO),
]
Decimal = Annotated[
    str, Field(max_length=MAX_DECIMAL), Matching('a decimal in quotes such as "0.05"', _DECIMAL)
]
"""Plain and not negative; a string, as Kubernetes' are."""
Rate = Annotated[
    str,
    Field(max_length=MAX_DECIMAL),
    Matching('a decimal between 0 and 1 such as "0.05"', _FRACTION, NOT_ZERO),
]
Host = Annotated[
    str,
    Field(max_length=MAX_TEMPLATE),
    Matching("a host such as *, *.example.com or {group}.{namespace}.example.com", *HOST_TEMPLATE),
]
Gateway = Annotated[
    str, Field(max_length=MAX_TEXT), Matching("a gateway such as istio-system/public", GATEWAY)
]
Domain = Annotated[str, Field(max_length=MAX_TEXT), Matching("a domain such as example.com", HOST_NAME)]
HostPort = Annotated[
    str,
    Field(max_length=MAX_TEXT),
    Matching("a host or host:port such as gw.example.com:80", HOST_PORT),
]
Token = Annotated[str, Field(max_length=MAX_TEXT), Matching("a header or cookie name", _TOKEN)]
HeaderName = Annotated[
    str,
    Field(max_length=MAX_TEXT),
    Matching("a header name of letters, digits, hyphens and underscores", "[A-Za-z0-9_-]+"),
]
"""The header names that Istio can match (pkg/config/validation, ValidateHTTPHeaderNameOrJwtClaimRoute)."""
Url = Annotated[str, Field(max_length=MAX_URL), Matching("an http or https URL", _URL)]


def cut(text: str) -> str:
    """As much of a message as a condition or an Event may hold."""
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
