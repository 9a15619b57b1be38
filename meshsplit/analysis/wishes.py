"""What the analysis of a ModelSplit reads: one request a metric that has counters."""

from meshsplit.analysis.metrics import Custom, MetricRequest, Signal
from meshsplit.api.strategy import Analysis, Metric
from meshsplit.model import Group

_DEFAULT = (Metric(name=Signal.ERRORS.value),)
"""What is read where nothing is listed."""


def make_requests(group: Group, analysis: Analysis | None) -> tuple[MetricRequest, ...]:
    """A request, without a bookmark, for every metric of the group's analysis, in the order listed."""
    metrics = (analysis and analysis.metrics) or _DEFAULT
    wanted = ((metric.name, to_what(metric)) for metric in metrics)
    return tuple(
        MetricRequest(group.key, name, what, group.members) for name, what in wanted if what is not None
    )


def to_what(metric: Metric) -> Signal | Custom | None:
    """The counters of a metric: the user's own, or the built-in ones of its name; None when there are none.

    Lint says so (MSP506).
    """
    if metric.good is not None and metric.bad is not None:
        return Custom(metric.good, metric.bad)
    if metric.good is None and metric.bad is None and metric.name in set(Signal):
        return Signal(metric.name)
    return None
