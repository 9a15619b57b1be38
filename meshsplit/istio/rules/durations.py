"""Istio's rules for durations: Go's notation, whole milliseconds, at least one."""

import re
from fractions import Fraction

_UNITS = {
    "ns": Fraction(1, 1_000_000),
    "us": Fraction(1, 1000),
    "µs": Fraction(1, 1000),
    "μs": Fraction(1, 1000),
    "ms": Fraction(1),
    "s": Fraction(1000),
    "m": Fraction(60_000),
    "h": Fraction(3_600_000),
}
"""Milliseconds by unit of Go's time.ParseDuration, which the CRD's CEL rule and Istio's JSON reader use."""

_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_DURATION = re.compile(rf"[+-]?(?:{_PART.pattern})+", re.ASCII)


def is_duration(text: str) -> bool:
    """Whether Istio can read `text` as a duration of any length."""
    return text == "0" or _DURATION.fullmatch(text) is not None


def why_not_duration(text: str) -> str | None:
    """Say why Istio would refuse the duration `text` (agent.ValidateDuration)."""
    if not is_duration(text):
        return f"{text!r} is not a duration such as 30s, 1m30s or 500ms"
    milliseconds = sum(Fraction(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if text.startswith("-") or milliseconds < 1:
        return f"duration {text!r} is shorter than 1ms"
    if milliseconds.denominator != 1:
        return f"duration {text!r} is not a whole number of milliseconds"
    return None
