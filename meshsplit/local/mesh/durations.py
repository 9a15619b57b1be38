"""Durations: Go's spelling in Istio's objects, protobuf's spelling in Envoy's."""

from __future__ import annotations

import re
from fractions import Fraction

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TERM = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_TERM.pattern})+")


def to_envoy_duration(text: str) -> str:
    """`1m30.5s` (Go's time.ParseDuration, not negative) as `90.500s`; ValueError for anything else."""
    if text != "0" and not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 30s or 1m30s")
    nanoseconds = sum(int(Fraction(number) * _NANOSECONDS[unit]) for number, unit in _TERM.findall(text))
    seconds, rest = divmod(nanoseconds, 10**9)
    # protobuf's JSON form writes 0, 3, 6 or 9 decimals.
    decimals = f"{rest:09d}"
    while decimals.endswith("000"):
        decimals = decimals[:-3]
    return f"{seconds}.{decimals}s" if decimals else f"{seconds}s"
