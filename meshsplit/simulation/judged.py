"""A study beside what the rule promises and what no rule can beat."""

import math
from dataclasses import dataclass

from meshsplit.analysis.bounds import least_excess_failures, least_requests
from meshsplit.analysis.rules import TWICE, Line, MetricRule, Rules
from meshsplit.simulation.play import LONGEST
from meshsplit.simulation.study import Summary
from meshsplit.simulation.world import World


@dataclass(frozen=True, slots=True)
class Judged:
    """How rollouts of one kind of canary ended.

    `false_rollback` when a rollback is a mistake: the canary is on no side of the harm line but the good one.
    `missed` when a promotion is: it is above that line; `guaranteed` when it is also above the safe line, so
    that the miss rate bounds it. `least_*` are what any rule with the same error rate needs on average for
    the right verdict; None where there is none or no such bound.
    """

    title: str
    summary: Summary
    false_rollback: bool
    missed: bool
    guaranteed: bool
    least_requests: float | None
    least_excess: float | None


def judge_study(title: str, summary: Summary, world: World, rules: Rules, weight: int) -> Judged:
    """Judge by the rates at `weight` (thousandths), a day into the rollout."""
    canary, stable = world.rates(weight, LONGEST)
    rule = next((each for each in rules.metrics if not each.dry_run), MetricRule(""))
    safe = rule.safe or TWICE
    worse = canary > rule.harm.at(stable)
    error_rate = rules.false_rollback_rate if worse else rules.miss_rate
    line = rule.harm if worse else safe
    least = _finite(least_requests(min(max(summary.share, 1e-6), 0.999), canary, stable, line, error_rate))
    return Judged(
        title,
        summary,
        false_rollback=not worse,
        missed=worse,
        guaranteed=canary >= safe.at(stable),
        least_requests=least,
        least_excess=_least_excess(canary, stable, rule.harm, error_rate) if worse else None,
    )


def _least_excess(canary: float, stable: float, harm: Line, error_rate: float) -> float | None:
    equal = harm.at(stable)
    if equal <= 0.0 or canary <= equal:
        return None
    return least_excess_failures(canary / equal, error_rate) * (canary - stable) / (canary - equal)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
