"""The test of a whole rollout: `step` takes one read and returns the next state and a verdict.

The state is a value: kept as JSON (`checkpoint.py`) it can be continued anywhere, with the same result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshsplit.analysis.combine import combine_harm, combine_safety
from meshsplit.analysis.counts import NOTHING, Counts, find_problem
from meshsplit.analysis.excess import NO_BOUND
from meshsplit.analysis.guess import Past
from meshsplit.analysis.logs import exp_of
from meshsplit.analysis.metric import Circumstance, EdgeTest, log_harm, log_safe, step_edge
from meshsplit.analysis.pods import PodCounts, find_suspect
from meshsplit.analysis.rollback import WEIGHT_CHANGES
from meshsplit.analysis.rules import MetricRule, Rules, Shape
from meshsplit.analysis.verdict import Decision, Evidence, Problem, Verdict

MetricCounts = tuple[Counts, ...]
"""Counts of one metric, one an edge in the order of its rule."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one read delivered: the canary's weight (in thousandths) while it was counted, and the counts.

    `top` says that no larger weight precedes promotion, `changes` how many changes of weight the rollout has
    in all, at most. A metric that delivered nothing is left out. Every count is delivered once: a read never
    overlaps an earlier one, and a missed one is covered by the next. `icc` is the burstiness of each metric's
    stable history (`dispersion.py`), 0 where left out; `pods` are the canary's counts by pod, for metrics
    with one edge.
    """

    weight: int
    counts: Mapping[str, MetricCounts]
    top: bool = False
    changes: int = WEIGHT_CHANGES
    icc: Mapping[str, float] | None = None
    pods: Mapping[str, PodCounts] | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """The state of a rollout's test: one tuple of edge tests a metric, and the weight of the last read."""

    metrics: tuple[tuple[EdgeTest, ...], ...]
    weight: int | None = None


def begin(rules: Rules, history: Mapping[str, tuple[Past, ...]] | None = None) -> Trial:
    """A test before its first read; `history` is stable's past by metric and edge, 30 min or more."""
    known = history or {}
    return Trial(
        tuple(
            tuple(EdgeTest(past) for past in known.get(rule.name, (Past(),) * len(rule.edges)))
            for rule in rules.metrics
        )
    )


def step(trial: Trial, read: Read, rules: Rules) -> tuple[Trial, Verdict]:
    """Judge one more read. Counts that are none are no evidence: reported, never a pass and never a fail."""
    stepped, problems = [], []
    for rule, tests in zip(rules.metrics, trial.metrics, strict=True):
        counts = read.counts.get(rule.name)
        reason = _find_problem(rule, counts)
        if counts is None or reason is not None:
            problems.append(Problem(rule.name, reason or "no data", not rule.dry_run))
            counts = (NOTHING,) * len(rule.edges)
        given = _circumstance(trial, read, rule)
        stepped.append(tuple(step_edge(t, c, rule, given) for t, c in zip(tests, counts, strict=True)))
    after = Trial(tuple(stepped), read.weight)
    return after, judge(after, rules, read.top, problems)


def _find_problem(rule: MetricRule, counts: MetricCounts | None) -> str | None:
    if counts is None:
        return "no data"
    if len(counts) != len(rule.edges):
        return f"{len(counts)} edges were read, {len(rule.edges)} are judged"
    return next(filter(None, map(find_problem, counts)), None)


def _circumstance(trial: Trial, read: Read, rule: MetricRule) -> Circumstance:
    before = read.weight if trial.weight is None else trial.weight
    icc = read.icc.get(rule.name, 0.0) if read.icc else 0.0
    pods = read.pods.get(rule.name) if read.pods and len(rule.edges) == 1 else None
    moved, raised = read.weight != before, read.weight > before
    return Circumstance(read.weight, moved, raised, read.changes, icc, pods)


def judge(trial: Trial, rules: Rules, top: bool, problems: Iterable[Problem] = ()) -> Verdict:
    """What the evidence so far says; harm beats safety, and harm that is one pod's holds."""
    pairs = list(zip(rules.metrics, trial.metrics, strict=True))
    harms = [log_harm(tests, rule) for rule, tests in pairs]
    safeties = [log_safe(tests, rule) for rule, tests in pairs]
    harm, safety = combine_harm(harms, rules), combine_safety(safeties)
    decision, suspect = Decision.CONTINUE, None
    if harm >= rules.harm_needed:
        suspect = _find_suspect(trial, rules, harms)
        decision = Decision.CONTINUE if suspect else Decision.ROLLBACK
    elif top and safety >= rules.safety_needed:
        decision = Decision.PROMOTE
    evidence = tuple(
        _make_evidence(rule, tests, log_harm, log_safety)
        for (rule, tests), log_harm, log_safety in zip(pairs, harms, safeties, strict=True)
    )
    return Verdict(
        decision,
        harm,
        rules.harm_needed,
        safety,
        rules.safety_needed,
        find_bound(trial, rules),
        evidence,
        tuple(problems),
        suspect,
    )


def _make_evidence(
    rule: MetricRule, tests: tuple[EdgeTest, ...], log_harm: float, log_safety: float | None
) -> Evidence:
    """The evidence of a metric, shown at the edge where harm is clearest."""
    at = 0
    if len(tests) > 1:
        at = max(range(len(tests)), key=lambda i: tests[i].harm.log_evidence(rule.shape))
    return Evidence(
        rule.name,
        rule.edges[at].name,
        tests[at].seen,
        tests[at].fresh,
        exp_of(log_harm),
        None if log_safety is None else exp_of(log_safety),
        rule.dry_run,
    )


def _find_suspect(trial: Trial, rules: Rules, harms: list[float]) -> str | None:
    """The pod without which there is too little evidence for a rollback; None when no pod is that much."""
    suspect, left = None, list(harms)
    for at, (rule, tests) in enumerate(zip(rules.metrics, trial.metrics, strict=True)):
        found = find_suspect(tests[0].without, rule.shape)
        if found is not None and not rule.dry_run and found[1] < left[at]:
            suspect, left[at] = found
    return suspect if combine_harm(left, rules) < rules.harm_needed else None


def find_bound(trial: Trial, rules: Rules) -> float:
    """How much more often than stable the canary fails, at most: the largest bound of deciding metrics.

    Where only latency decides, that of the dry runs.
    """
    counted = [pair for pair in zip(rules.metrics, trial.metrics, strict=True) if pair[0].shape is Shape.RATE]
    deciding = [pair for pair in counted if not pair[0].dry_run] or counted
    return max((test.excess.bound for _, tests in deciding for test in tests), default=NO_BOUND)
