"""Options that are rates, traffic, durations or weights."""

from collections.abc import Callable
from typing import Any

import click

from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.api.names import is_duration
from meshsplit.policy import to_seconds
from meshsplit.simulation.quantities import to_rate, to_traffic


class Quantity(click.ParamType[float]):
    """A number that people write with a unit; `wanted` says how, in the error for anything else."""

    def __init__(self, name: str, read: Callable[[str], float | None], wanted: str) -> None:
        self.name, self._read, self._wanted = name, read, wanted

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number in its base unit."""
        number = value if isinstance(value, float) else self._read(str(value))
        if number is None:
            self.fail(f"{value!r} is not {self._wanted}", param, ctx)
        return number


def _read_seconds(text: str) -> float | None:
    return to_seconds(text) if is_duration(text) else None


RATE = Quantity("rate", to_rate, "a rate such as 0.2% or 0.002")
"""A share from 0 to 1."""
TRAFFIC = Quantity("traffic", to_traffic, "an amount of traffic such as 120rps")
"""Requests a second."""
SECONDS = Quantity("duration", _read_seconds, "a duration such as 15s or 1h30m")
"""Seconds."""


class Weights(click.ParamType[tuple[int, ...]]):
    """Rising weights in percent, separated by commas: 5,10,25,50; in thousandths inside."""

    name = "weights"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Thousandths."""
        if isinstance(value, tuple):
            return value
        rates = [to_rate(f"{part}%") for part in str(value).split(",")]
        weights = [round(FULL_WEIGHT * rate) for rate in rates if rate is not None]
        rising = weights == sorted(set(weights)) and all(0 < weight < FULL_WEIGHT for weight in weights)
        if len(weights) < len(rates) or not rising:
            self.fail(f"{value!r} is no list of rising percentages below 100 such as 5,10,25,50", param, ctx)
        return tuple(weights)
