"""What a metric of a ModelSplit reads."""

from meshsplit.analysis.metrics import Custom, Signal
from meshsplit.api.strategy import Metric


def to_what(metric: Metric) -> Signal | Custom | None:
    """The counters of a metric: the user's own, or the built-in ones of its name; None when there are none.

    Lint says so (MSP506).
    """
    if metric.good is not None and metric.bad is not None:
        return Custom(metric.good, metric.bad)
    if metric.good is None and metric.bad is None and metric.name in set(Signal):
        return Signal(metric.name)
    return None
