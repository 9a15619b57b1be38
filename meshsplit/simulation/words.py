"""Words and numbers of rollouts, for people."""

import math

from meshsplit.analysis.intervals import Interval
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act

OUTCOMES = {Act.PROMOTE: "Promoted", Act.ROLLBACK: "RolledBack", Act.INCONCLUSIVE: "Inconclusive"}
"""What a rollout ended as, in the words of `status`."""

_LARGE = 1e6


def to_percent(rate: float) -> str:
    """A rate as a percentage with as many digits as tell something: 0.012%, 1.3%, 50%."""
    percent = 100.0 * rate
    if percent == 0.0:
        return "0%"
    digits = max(0, 1 - math.floor(math.log10(percent)))
    return f"{percent:.{min(digits, 4)}f}%"


def to_weight(weight: int) -> str:
    """A weight in thousandths as a percentage: 5, 1.3."""
    return f"{100 * weight / FULL_WEIGHT:g}"


def to_clock(seconds: float) -> str:
    """mm:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}:{minutes_left:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def to_duration(seconds: float) -> str:
    """A length of time in two units at most: 45s, 7m, 7m 30s, 1h 46m; never where it has no end."""
    if not math.isfinite(seconds):
        return "never"
    whole = round(seconds)
    for unit, name, smaller, smaller_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if whole >= unit:
            large, rest = divmod(whole, unit)
            return f"{large}{name} {rest // smaller}{smaller_name}" if rest // smaller else f"{large}{name}"
    return f"{whole}s"


def to_evidence(value: float) -> str:
    """Evidence with three digits at most; beyond a million only that it is more."""
    if value > _LARGE:
        return ">1e6"
    if value >= 100.0:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 10.0 else f"{value:.1f}"


def to_range(interval: Interval) -> str:
    """A ratio with its interval: 2.1 (0.9-4.4)."""
    if interval.point is None:
        return "-"
    return f"{_times(interval.point)} ({_times(interval.low)}-{_times(interval.high)})"


def _times(value: float) -> str:
    return "∞" if not math.isfinite(value) else f"{value:.1f}" if value < 10.0 else f"{value:.0f}"


def to_amount(rate: float) -> str:
    """Requests a second."""
    return f"{rate:.1f}" if rate < 100.0 else f"{rate:,.0f}"
