"""Options that are rates, traffic or durations."""

from typing import Any

import click

from meshsplit.api.names import is_duration
from meshsplit.policy import to_seconds
from meshsplit.simulation.quantities import to_rate, to_traffic


class Rate(click.ParamType[float]):
    """A share from 0 to 1: 0.2% or 0.002."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share."""
        rate = value if isinstance(value, float) else to_rate(str(value))
        if rate is None:
            self.fail(f"{value!r} is not a rate such as 0.2% or 0.002", param, ctx)
        return rate


class Traffic(click.ParamType[float]):
    """Requests a second: 120 or 120rps."""

    name = "traffic"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Requests a second."""
        traffic = value if isinstance(value, float) else to_traffic(str(value))
        if traffic is None:
            self.fail(f"{value!r} is not an amount of traffic such as 120rps", param, ctx)
        return traffic


class Seconds(click.ParamType[float]):
    """A duration: 15s or 1h30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        seconds = to_seconds(str(value)) if is_duration(str(value)) else None
        if seconds is None:
            self.fail(f"{value!r} is not a duration such as 15s or 1h30m", param, ctx)
        return seconds


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
        weights = [round(1000 * rate) for rate in rates if rate is not None]
        if (
            len(weights) < len(rates)
            or weights != sorted(set(weights))
            or not 0 < weights[0] <= weights[-1] < 1000
        ):
            self.fail(f"{value!r} is no list of rising percentages below 100 such as 5,10,25,50", param, ctx)
        return tuple(weights)
