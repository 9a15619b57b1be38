"""Rates and traffic as people write them: 0.2%, 0.002, 120rps."""

import re

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(%?)")
_TRAFFIC = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(?:rps|req/s|/s)?")
LARGEST_TRAFFIC = 1e7
"""Requests/s beyond which the input is taken for a mistake."""


def to_rate(text: str) -> float | None:
    """A share from 0 to 1, written as a percentage or a decimal; None for anything else."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        return None
    value = float(found[1]) / (100.0 if found[2] else 1.0)
    return value if value <= 1.0 else None


def to_traffic(text: str) -> float | None:
    """Requests/s above 0; None for anything else."""
    found = _TRAFFIC.fullmatch(text.strip())
    value = float(found[1]) if found else 0.0
    return value if 0.0 < value <= LARGEST_TRAFFIC else None


def is_rate(text: str) -> bool:
    """Whether `text` is a rate."""
    return to_rate(text) is not None


def is_traffic(text: str) -> bool:
    """Whether `text` is an amount of traffic."""
    return to_traffic(text) is not None
