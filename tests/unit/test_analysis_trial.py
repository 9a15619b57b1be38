"""One step of a rollout's test: what it decides, what it forgets, what it ignores, and how it is kept."""

import json
import math

import pytest

from meshsplit.analysis.checkpoint import to_plain
from meshsplit.analysis.counts import NOTHING, Counts
from meshsplit.analysis.guess import Past
from meshsplit.analysis.rules import Edge, Line, MetricRule, Rules, Shape
from meshsplit.analysis.trial import Read, begin, step
from meshsplit.analysis.verdict import Decision
from support.analysis import ERRORS, ONE_METRIC, feed, read_of

HEALTHY = Counts(130, 1, 270, 3)
OUTAGE = Counts(130, 65, 270, 3)
KNOWN = {ERRORS: (Past(30_000, 300),)}


def test_an_outage_is_rolled_back_at_the_first_read() -> None:
    _, (verdict,) = feed(begin(ONE_METRIC, KNOWN), [read_of(OUTAGE)])
    assert verdict.decision is Decision.ROLLBACK
    assert verdict.harm >= verdict.harm_needed == pytest.approx(100)
    ratio = verdict.evidence[0].ratio()
    assert ratio.low > 10
    assert ratio.point == pytest.approx(65 / 130 / (3 / 270))


def test_a_healthy_canary_is_promoted_at_the_top_weight_only() -> None:
    _, below = feed(begin(ONE_METRIC, KNOWN), [read_of(HEALTHY)] * 60)
    assert {verdict.decision for verdict in below} == {Decision.CONTINUE}
    assert below[-1].safety > below[-1].safety_needed == pytest.approx(20)
    _, at_top = feed(begin(ONE_METRIC, KNOWN), [read_of(HEALTHY, top=True)] * 60)
    assert at_top[-1].decision is Decision.PROMOTE


def test_evidence_of_safety_starts_anew_when_the_weight_goes_up_and_evidence_of_harm_does_not() -> None:
    trial, verdicts = feed(begin(ONE_METRIC, KNOWN), [read_of(Counts(130, 3, 270, 3), 100)] * 20)
    raised, after = feed(trial, [read_of(NOTHING, 200)])
    assert after[0].safety == pytest.approx(1.0)
    assert raised.metrics[0][0].fresh == NOTHING
    assert after[0].harm == pytest.approx(verdicts[-1].harm)
    lowered, _ = feed(trial, [read_of(NOTHING, 50)])
    assert lowered.metrics[0][0].safety == trial.metrics[0][0].safety


def test_harm_beats_safety() -> None:
    rules = Rules((MetricRule(ERRORS, harm=Line(0.5), safe=Line(50.0)),))
    _, verdicts = feed(begin(rules, KNOWN), [read_of(HEALTHY, top=True)] * 200, rules)
    decided = next(v.decision for v in verdicts if v.harm >= v.harm_needed)
    assert decided is Decision.ROLLBACK


# Reads that say nothing


@pytest.mark.parametrize(
    "counts",
    [Counts(-5, 0, 10, 0), Counts(5, 9, 10, 0), Counts(math.nan, 0, 10, 0), Counts(5, 0, 10, math.inf)],
)
def test_counts_that_are_none_change_nothing_and_are_named(counts: Counts) -> None:
    trial, _ = feed(begin(ONE_METRIC, KNOWN), [read_of(HEALTHY)] * 3)
    after, (verdict,) = feed(trial, [read_of(counts)])
    assert after == trial
    assert verdict.blind
    assert verdict.problems[0].metric == ERRORS
    assert verdict.decision is Decision.CONTINUE


def test_a_metric_without_data_is_named_and_a_surge_in_another_still_rolls_back() -> None:
    rules = Rules((MetricRule("a"), MetricRule("b")))
    read = Read(100, {"b": (OUTAGE,)})
    _, verdict = step(begin(rules, {"b": (Past(30_000, 300),)}), read, rules)
    assert [problem.metric for problem in verdict.problems] == ["a"]
    assert verdict.decision is Decision.ROLLBACK


def test_a_dry_run_is_reported_and_never_decides() -> None:
    rules = Rules((MetricRule(ERRORS), MetricRule("shadow", dry_run=True)))
    read = Read(100, {ERRORS: (HEALTHY,), "shadow": (OUTAGE,)}, top=True)
    _, verdict = step(begin(rules), read, rules)
    assert verdict.evidence[1].harm > 1000
    assert verdict.decision is Decision.CONTINUE
    _, without = step(begin(rules), Read(100, {ERRORS: (HEALTHY,)}), rules)
    assert not without.blind
    assert without.problems[0].metric == "shadow"


def test_where_nothing_else_counts_failures_a_dry_run_bounds_them() -> None:
    latency = MetricRule("latency", shape=Shape.TAIL, safe=None)
    rules = Rules((latency, MetricRule("shadow", dry_run=True)))
    trial = begin(rules)
    for _ in range(10):
        trial, verdict = step(trial, Read(100, {"latency": (HEALTHY,), "shadow": (HEALTHY,)}), rules)
    assert verdict.bound < 0.1
    alone = Rules((latency,))
    assert step(begin(alone), Read(100, {"latency": (HEALTHY,)}), alone)[1].bound == 1.0


def test_the_wrong_number_of_edges_is_no_evidence() -> None:
    _, verdict = step(begin(ONE_METRIC), Read(100, {ERRORS: (HEALTHY, HEALTHY)}), ONE_METRIC)
    assert "2 edges were read, 1 are judged" in verdict.problems[0].reason


def test_a_read_in_which_one_member_served_nothing_is_judged_with_the_next() -> None:
    known = begin(ONE_METRIC, KNOWN)
    apart, _ = feed(known, [read_of(Counts(0, 0, 100, 2)), read_of(Counts(30, 1, 170, 2))])
    at_once, _ = feed(known, [read_of(Counts(30, 1, 270, 4))])
    assert apart == at_once


def test_it_is_not_carried_over_a_change_of_weight() -> None:
    known = begin(ONE_METRIC, KNOWN)
    trial, _ = feed(known, [read_of(Counts(0, 0, 100, 2), 10), read_of(Counts(30, 1, 170, 2), 20)])
    assert trial.metrics[0][0].seen == Counts(30, 1, 170, 2)


def test_money_for_a_weight_change_waits_for_the_first_read_that_can_be_judged() -> None:
    trial, _ = feed(begin(ONE_METRIC, KNOWN), [read_of(HEALTHY, 10)])
    at_once, _ = feed(trial, [read_of(HEALTHY, 20)])
    after_gap, _ = feed(trial, [Read(20, {}), read_of(Counts(0, 0, 9, 0), 20), read_of(HEALTHY, 20)])
    assert at_once.metrics[0][0].harm.changes == after_gap.metrics[0][0].harm.changes == 1


def test_old_evidence_of_safety_does_not_promote_at_a_new_weight_without_reads() -> None:
    trial, verdicts = feed(begin(ONE_METRIC, KNOWN), [read_of(HEALTHY, 10)] * 60)
    assert verdicts[-1].safety > verdicts[-1].safety_needed
    for silent in (Read(20, {}, top=True), read_of(Counts(0, 0, 9, 0), 20, top=True)):
        _, (verdict,) = feed(trial, [silent])
        assert verdict.decision is Decision.CONTINUE


def test_a_metric_needs_an_edge() -> None:
    with pytest.raises(ValueError, match="no edge"):
        MetricRule("latency", edges=())


def test_nothing_at_all_is_no_evidence() -> None:
    trial, verdicts = feed(begin(ONE_METRIC), [read_of(NOTHING)] * 100)
    assert verdicts[-1].harm == pytest.approx(1.0)
    assert trial.metrics[0][0].harm.reads == 0


# Large and long


def test_a_million_million_requests_decide_without_overflow() -> None:
    huge = Counts(1e12, 2e10, 1e12, 1e10)
    _, (verdict,) = feed(begin(ONE_METRIC), [read_of(huge)])
    assert verdict.decision is Decision.ROLLBACK
    assert math.isfinite(verdict.harm)
    good = Counts(1e12, 1e10, 1e12, 1e10)
    _, verdicts = feed(begin(ONE_METRIC), [read_of(good, top=True)] * 2)
    assert verdicts[-1].decision is Decision.PROMOTE
    assert math.isfinite(verdicts[-1].safety)


def test_a_hundred_thousand_reads_stay_finite() -> None:
    trial, verdict = begin(ONE_METRIC), None
    for _ in range(100_000):
        trial, verdict = step(trial, read_of(Counts(7, 1, 13, 2)), ONE_METRIC)
    assert verdict is not None
    assert math.isfinite(verdict.harm)
    assert 0 <= verdict.harm < 1
    json.dumps(to_plain(trial, ONE_METRIC), allow_nan=False)


# Several metrics


def test_evidence_of_harm_is_the_weighted_average_over_metrics() -> None:
    rules = Rules((MetricRule("a", share=3.0), MetricRule("b", share=1.0)))
    _, verdict = step(begin(rules), Read(100, {"a": (HEALTHY,), "b": (OUTAGE,)}), rules)
    a, b = (evidence.harm for evidence in verdict.evidence)
    assert verdict.harm == pytest.approx(0.75 * a + 0.25 * b, rel=1e-9)


def test_every_gating_metric_has_to_be_safe_on_its_own() -> None:
    rules = Rules((MetricRule("a"), MetricRule("b"), MetricRule("c", safe=None)))
    counts = {"a": (HEALTHY,), "b": (Counts(130, 5, 270, 3),), "c": (HEALTHY,)}
    trial = begin(rules)
    for _ in range(30):
        trial, verdict = step(trial, Read(100, counts, top=True), rules)
    a, b, c = (evidence.safety for evidence in verdict.evidence)
    assert a is not None
    assert b is not None
    assert c is None
    assert verdict.safety == pytest.approx(min(a, b))


def test_without_a_gating_metric_nothing_is_promoted() -> None:
    rules = Rules((MetricRule(ERRORS, safe=None),))
    _, verdicts = feed(begin(rules), [read_of(HEALTHY, top=True)] * 50, rules)
    assert {verdict.decision for verdict in verdicts} == {Decision.CONTINUE}


def test_an_absolute_limit_is_tested_the_same_way() -> None:
    limit = Line(0.0, 0.05)
    rules = Rules((MetricRule("limit", limit, limit),))
    high, low = Counts(100, 12, 300, 36), Counts(100, 1, 300, 3)
    _, above = feed(begin(rules), [Read(100, {"limit": (high,)})] * 10, rules)
    assert above[-1].decision is Decision.ROLLBACK  # although stable is as bad
    _, below = feed(begin(rules), [Read(100, {"limit": (low,)}, top=True)] * 10, rules)
    assert below[-1].decision is Decision.PROMOTE


def test_a_metric_of_several_edges_averages_harm_and_takes_the_least_safe_gate() -> None:
    edges = (Edge("0.1s", gates=False), Edge("0.2s"), Edge("0.4s"))
    rules = Rules((MetricRule("latency", Line(1.25), shape=Shape.TAIL, edges=edges),))
    counts = (Counts(100, 90, 300, 200), Counts(100, 30, 300, 90), Counts(100, 3, 300, 9))
    known = {"latency": (Past(3e4, 2e4), Past(3e4, 9e3), Past(3e4, 900))}
    trial, verdict = step(begin(rules, known), Read(100, {"latency": counts}), rules)
    harms = [math.exp(test.harm.log_evidence(Shape.TAIL)) for test in trial.metrics[0]]
    assert verdict.evidence[0].harm == pytest.approx(sum(harms) / 3, rel=1e-9)
    assert verdict.evidence[0].edge == "0.1s"
    assert verdict.evidence[0].safety == pytest.approx(
        math.exp(min(test.safety for test in trial.metrics[0][1:]))
    )
