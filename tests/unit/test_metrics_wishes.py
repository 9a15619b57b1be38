"""Which counters a ModelSplit's analysis asks for."""

from meshsplit.analysis.metrics import Custom, Signal
from meshsplit.analysis.wishes import make_requests
from meshsplit.api.strategy import Analysis, Metric
from meshsplit.model import DeploymentMode, Endpoint, Group, GroupKey, Member, RestStrategy, Routing

ROUTING = Routing(("*",), (), RestStrategy.SINGLE_HOP, Endpoint("loop", 80))
MEMBER = Member("a", DeploymentMode.STANDARD, "a", Endpoint("a.x", 80), None)
GROUP = Group(GroupKey("models", "mnist"), (MEMBER,), None, ROUTING)


def test_built_in_and_own_counters_in_the_order_listed() -> None:
    metrics = [
        Metric(name="latency"),
        Metric(name="refusals", good="a_total", bad="b_total"),
        Metric(name="error-rate"),
        Metric(name="error-rate-2"),
        Metric(name="half", good="a_total"),
    ]
    found = make_requests(GROUP, Analysis(metrics=metrics))
    assert [(each.metric, each.what) for each in found] == [
        ("latency", Signal.LATENCY),
        ("refusals", Custom("a_total", "b_total")),
        ("error-rate", Signal.ERRORS),
    ]
    assert {each.members for each in found} == {(MEMBER,)}


def test_without_metrics_failures_are_read() -> None:
    for analysis in (None, Analysis()):
        assert [each.key for each in make_requests(GROUP, analysis)] == [(GROUP.key, "error-rate")]
