"""Several metrics, one verdict."""

from collections.abc import Sequence

from meshsplit.analysis.logs import NEVER, exp_of, log_of, log_sum
from meshsplit.analysis.rules import Rules

NO_SAFETY = 0.0


def combine_harm(log_harms: Sequence[float], rules: Rules) -> float:
    """Evidence of harm Σ v_m E_m over the metrics that decide, in the rules' order; 1 when none decides.

    A weighted average of e-processes is one under any dependence between the metrics, so no correction for
    their number is needed: a rollback at 1/α stays right with probability 1 − α.
    """
    total = sum(rule.share for rule in rules.metrics if not rule.dry_run)
    if total <= 0.0:
        return 1.0
    terms = [
        NEVER if rule.dry_run else log_of(rule.share / total) + value
        for rule, value in zip(rules.metrics, log_harms, strict=True)
    ]
    return exp_of(log_sum(terms))


def combine_safety(log_safeties: Sequence[float | None]) -> float:
    """Evidence of safety: the least of the metrics that gate promotion; 0, never enough, when none does.

    Each has to be shown safe on its own, so a canary that is bad in any of them is promoted with probability
    at most β.
    """
    gating = [value for value in log_safeties if value is not None]
    return exp_of(min(gating)) if gating else NO_SAFETY
