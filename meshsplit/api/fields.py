"""The kinds of fields that our own documents are made of, with the bounds that the CRD will carry."""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from meshsplit.api.names import (
    MAX_LABEL_VALUE,
    MAX_SUBDOMAIN,
    is_duration,
    is_gateway,
    is_host_template,
    is_object_name,
    split_host_port,
)
from meshsplit.api.promql import find_fault
from meshsplit.api.wire import checked

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

_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token of RFC 9110: the names of headers and cookies."""
_URL = re.compile(r"https?://[^\s/]+(?:/\S*)?")


def is_decimal(text: str) -> bool:
    """Whether `text` is a plain non-negative decimal such as 0.05; ours are strings, as Kubernetes' are."""
    return _DECIMAL.fullmatch(text) is not None


def _is_positive_duration(text: str) -> bool:
    return is_duration(text) and re.search("[1-9]", text) is not None


def _is_rate(text: str) -> bool:
    return is_decimal(text) and 0 < Fraction(text) < 1


def _is_host_port(text: str) -> bool:
    return split_host_port(text, 80) is not None


def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def _is_url(text: str) -> bool:
    return _URL.fullmatch(text) is not None


def _is_whole(text: str) -> bool:
    return find_fault(text) is None


Percent = Annotated[int, Field(ge=0, le=100)]
Step = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Query = Annotated[
    str,
    Field(min_length=1, max_length=MAX_QUERY),
    checked(_is_whole, "a PromQL expression whose brackets and quotes are closed"),
]
Tag = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_VALUE)]
Name = Annotated[str, Field(max_length=MAX_SUBDOMAIN), checked(is_object_name, "a lower-case DNS name")]
Duration = Annotated[
    str, Field(max_length=MAX_DURATION), checked(is_duration, "a duration such as 30s or 1h30m")
]
PositiveDuration = Annotated[
    str,
    Field(max_length=MAX_DURATION),
    # The VirtualService CRD: duration(self) >= duration('1ms').
    checked(_is_positive_duration, "a duration of at least 1ms such as 30s or 1h30m"),
]
Decimal = Annotated[
    str, Field(max_length=MAX_DECIMAL), checked(is_decimal, 'a decimal in quotes such as "0.05"')
]
Rate = Annotated[
    str, Field(max_length=MAX_DECIMAL), checked(_is_rate, 'a decimal between 0 and 1 such as "0.05"')
]
Host = Annotated[
    str,
    Field(max_length=MAX_TEMPLATE),
    checked(is_host_template, "a host such as *, *.example.com or {group}.{namespace}.example.com"),
]
Gateway = Annotated[
    str, Field(max_length=MAX_TEXT), checked(is_gateway, "a gateway such as istio-system/public")
]
HostPort = Annotated[
    str, Field(max_length=MAX_TEXT), checked(_is_host_port, "a host or host:port such as gw.example.com:80")
]
Token = Annotated[str, Field(max_length=MAX_TEXT), checked(_is_token, "a header or cookie name")]
Url = Annotated[str, Field(max_length=MAX_URL), checked(_is_url, "an http or https URL")]
