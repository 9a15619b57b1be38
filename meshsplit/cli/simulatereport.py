"""The bodies of a SimulationReport."""

from collections.abc import Sequence
from typing import Any

from meshsplit.analysis.verdict import Evidence, Verdict
from meshsplit.analysis.walk import Act
from meshsplit.cli.expectations import Met
from meshsplit.cli.scenarios import Played
from meshsplit.simulation.judged import Judged
from meshsplit.simulation.play import Row, Run
from meshsplit.simulation.study import Mean
from meshsplit.simulation.words import OUTCOMES

_TENTH_OF_PERCENT = 10
"""Weights are thousandths inside and percent outside."""


def to_rollout_report(
    played: Played, rule: str, rows: Sequence[Row], run: Run, met: Sequence[Met]
) -> dict[str, Any]:
    """One rollout, read by read."""
    return {
        **_to_setting(played, rule),
        "reads": [_to_read(row) for row in rows],
        "outcome": {
            "outcome": OUTCOMES.get(run.act, OUTCOMES[Act.INCONCLUSIVE]),
            "seconds": run.seconds,
            "maxWeightReached": run.largest_weight / _TENTH_OF_PERCENT,
            "canaryRequests": run.canary_requests,
            "failedRequests": run.canary_failures,
            "excessFailures": run.excess,
        },
        "expectations": [{"name": each.name, "found": each.found, "met": each.met} for each in met],
    }


def to_study_report(played: Played, rule: str, runs: int, judged: Sequence[Judged]) -> dict[str, Any]:
    """Many rollouts, one entry a kind of canary."""
    return {**_to_setting(played, rule), "runs": runs, "studies": [_to_study(each) for each in judged]}


def to_replay_report(stable: str, canary: str, rows: Sequence[Row], outcome: str) -> dict[str, Any]:
    """A recording, read by read."""
    return {
        "rule": "meshsplit",
        "members": {"stable": stable, "canary": canary},
        "reads": [_to_read(row) for row in rows],
        "outcome": {"outcome": outcome, "seconds": rows[-1].now if rows else None},
    }


def _to_setting(played: Played, rule: str) -> dict[str, Any]:
    world = played.world
    return {
        "rule": rule,
        "seed": played.seed,
        "members": {"stable": played.stable, "canary": played.canary},
        "traffic": world.traffic,
        "readSeconds": world.read_seconds,
        "lagSeconds": world.lag,
        "icc": world.icc,
        "drift": world.drift,
    }


def _to_read(row: Row) -> dict[str, Any]:
    counts, answer = row.read.counts, row.answer
    return {
        "seconds": row.now,
        "weight": row.read.weight / _TENTH_OF_PERCENT,
        "canaryRequests": counts.canary_requests,
        "canaryFailures": counts.canary_bad,
        "stableRequests": counts.stable_requests,
        "stableFailures": counts.stable_bad,
        "action": answer.act.value,
        "nextWeight": answer.weight / _TENTH_OF_PERCENT,
        "verdict": None if answer.verdict is None else _to_verdict(answer.verdict),
    }


def _to_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "harm": verdict.harm,
        "harmNeeded": verdict.harm_needed,
        "safety": verdict.safety,
        "safetyNeeded": verdict.safety_needed,
        "excessAtMost": verdict.bound,
        "evidence": [_to_evidence(each) for each in verdict.evidence],
    }


def _to_evidence(evidence: Evidence) -> dict[str, Any]:
    ratio, seen = evidence.ratio(), evidence.seen
    return {
        "metric": evidence.metric,
        "edge": evidence.edge or None,
        "canaryRequests": seen.canary_requests,
        "canaryFailures": seen.canary_bad,
        "stableRequests": seen.stable_requests,
        "stableFailures": seen.stable_bad,
        "ratio": _finite(ratio.point),
        "ratioLow": ratio.low,
        "ratioHigh": _finite(ratio.high),
        "harm": evidence.harm,
        "safety": evidence.safety,
        "dryRun": evidence.dry_run,
    }


def _finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return None if value is None or value == float("inf") else value


def _to_study(judged: Judged) -> dict[str, Any]:
    summary = judged.summary
    return {
        "canary": judged.title,
        "falseRollback": _to_mean(summary.rolled_back) if judged.false_rollback else None,
        "missed": _to_mean(summary.promoted) if judged.missed else None,
        "missBounded": judged.guaranteed,
        "rolledBack": _to_mean(summary.rolled_back),
        "promoted": _to_mean(summary.promoted),
        "undecided": _to_mean(summary.undecided),
        "secondsToPromote": _to_mean(summary.seconds_to_promote),
        "secondsToRollback": _to_mean(summary.seconds_to_rollback),
        "excessFailures": {**_to_mean(summary.excess_failures), "bound": judged.least_excess},
        "canaryRequests": {**_to_mean(summary.canary_requests), "bound": judged.least_requests},
    }


def _to_mean(mean: Mean) -> dict[str, Any]:
    return {"mean": mean.value, "error": mean.error, "runs": mean.runs}
