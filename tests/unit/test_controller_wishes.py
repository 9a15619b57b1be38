"""A rollout with a latency metric waits until there is a rule for it: it would go unjudged to the end."""

import math
from dataclasses import replace

from meshsplit.analysis.latency import Buckets
from meshsplit.analysis.metrics import Answer, Bookmark, MemberCounts, Reading, Trouble, Unavailable
from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.controller.measured import Measured
from meshsplit.controller.wishes import ERRORS, Wish, to_measured, to_metrics
from meshsplit.model import GroupKey
from meshsplit.policy import LATENCY, to_policy
from support.rollouts import make_group, split

KEY = GroupKey("ns", "g")
SPREAD, ALIKE = {0.01: 4.0, 0.1: 10.0, math.inf: 10.0}, {0.01: 10.0, 0.1: 10.0, math.inf: 10.0}
"""Ten requests, six of them between the edges; ten that are all below the first."""


COUNTED = MemberCounts(10, 0)


def make_wish(dry_run: bool = False) -> Wish:
    metrics = [
        {"name": "error-rate", "tolerance": {"ratio": "1"}},
        {"name": "latency", "tolerance": {"ratio": "1.25"}, "dryRun": dry_run},
    ]
    spec = ModelSplitSpec.model_validate({"modelTag": "g", "analysis": {"metrics": metrics}})
    members = make_group(split(a=0, b=100)).members
    return Wish(KEY, members, "gateway", 2.0, to_metrics(spec), to_policy(spec), canary="b", stable="a")


def measure(wish: Wish, stable: Buckets | None, before: Measured | None = None) -> Measured:
    """What is made of a read in which stable had those latencies; None: the source did not answer."""
    if stable is None:
        answer: Answer = Unavailable(Trouble.UNREACHABLE, "refused")
        return to_measured(wish, {(KEY, ERRORS): answer, (KEY, LATENCY): answer}, before, 1.0)
    latencies = {"a": MemberCounts(10, 0, stable), "b": MemberCounts()}
    answers = {
        (KEY, ERRORS): Reading(Bookmark(), 1.0, {"a": COUNTED, "b": MemberCounts()}),
        (KEY, LATENCY): Reading(Bookmark(), 1.0, latencies),
    }
    return to_measured(wish, answers, before, 1.0)


def test_stable_latencies_that_differ_make_a_rule() -> None:
    measured = measure(make_wish(), SPREAD)
    assert measured.problem == ""
    assert [[edge.name for edge in rule.edges] for rule in measured.latency] == [["0.01s"]]


def test_without_a_rule_the_rollout_is_told_to_wait() -> None:
    measured = measure(make_wish(), ALIKE)
    assert measured.latency == ()
    assert measured.problem == "latency: too few requests of a to tell fast from slow"


def test_reads_add_up_until_there_is_a_rule() -> None:
    wish = make_wish()
    first = measure(wish, ALIKE)
    silent = measure(wish, None, first)
    assert silent.problem.startswith("error-rate: refused")
    last = measure(wish, SPREAD, silent)
    assert last.problem == ""
    assert last.stable_buckets == {0.01: 14.0, 0.1: 20.0, math.inf: 20.0}


def test_a_dry_run_waits_for_nothing() -> None:
    assert measure(make_wish(dry_run=True), ALIKE).problem == ""


def test_once_the_rollout_goes_on_its_rules_are_settled() -> None:
    before = measure(make_wish(), SPREAD)
    measured = measure(replace(make_wish(), weight=100), ALIKE, before)
    assert (measured.problem, measured.latency, measured.stable_buckets) == ("", (), {})
