"""A played rollout, and many of them, as tables for people."""

from collections.abc import Sequence

from meshsplit.analysis.intervals import ratio_interval
from meshsplit.analysis.walk import Act
from meshsplit.simulation.judged import Judged
from meshsplit.simulation.play import Row, Run
from meshsplit.simulation.study import Mean
from meshsplit.simulation.words import (
    OUTCOMES,
    to_clock,
    to_duration,
    to_evidence,
    to_percent,
    to_range,
    to_weight,
)

MOST_ROWS = 40
"""Rows of a table before reads that only hold are thinned out."""

_HEAD = ("TIME", "WEIGHT", "CANARY", "STABLE", "RATIO (95%)", "HARM", "SAFETY", "DECISION")


def to_rows(rows: Sequence[Row], every: bool = False) -> str:
    """The reads of a rollout: failures of requests so far by member, their ratio, the evidence, the decision.

    Unless `every` read is asked for, only so many that only hold are shown as fit.
    """
    step = 1 if every else -(-len(rows) // MOST_ROWS)
    shown = [
        row for at, row in enumerate(rows, 1) if row.answer.act is not Act.HOLD or at % step == 0 or at == 1
    ]
    return to_table([_HEAD, *map(_to_cells, shown)])


def _to_cells(row: Row) -> tuple[str, ...]:
    verdict = row.answer.verdict
    counts = verdict.evidence[0].seen if verdict else row.read.counts
    return (
        to_clock(row.now),
        to_weight(row.read.weight),
        f"{counts.canary_bad:.0f}/{counts.canary_requests:.0f}",
        f"{counts.stable_bad:.0f}/{counts.stable_requests:.0f}",
        to_range(ratio_interval(counts)),
        to_evidence(verdict.harm) if verdict else "-",
        to_evidence(verdict.safety) if verdict else "-",
        _to_decision(row),
    )


def _to_decision(row: Row) -> str:
    answer = row.answer
    if answer.act is Act.ADVANCE:
        return f"advance to {to_weight(answer.weight)}"
    return answer.act.value.lower() if answer.act is Act.HOLD else answer.act.value.upper()


def to_table(lines: Sequence[Sequence[str]]) -> str:
    """Columns, all but the last right-aligned."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            [*(cell.rjust(width) for cell, width in zip(line[:-1], widths[:-1], strict=True)), line[-1]]
        ).rstrip()
        for line in lines
    )


def to_ending(run: Run, canary: str) -> str:
    """The lines that say how it ended."""
    return (
        f"Outcome: {OUTCOMES[run.act]} after {to_duration(run.seconds)}, "
        f"at {to_weight(run.largest_weight)}% of traffic. {run.canary_failures} of {run.canary_requests} "
        f"requests failed on {canary}, {max(run.excess, 0.0):.0f} more than on stable."
    )


def to_study(judged: Sequence[Judged]) -> str:
    """One block a kind of canary: how many ended how, and what it took, each with its Monte-Carlo error."""
    return "\n\n".join("\n".join(_to_lines(each)) for each in judged)


def _to_lines(judged: Judged) -> list[str]:
    summary = judged.summary
    missed = "missed" if judged.guaranteed else "missed, though not as bad as the margin"
    times = (_to_time(summary.seconds_to_promote), _to_time(summary.seconds_to_rollback))
    return [
        f"{judged.title}: {summary.runs} rollouts",
        f"  rolled back      {_to_share(summary.rolled_back)}{'   falsely' if judged.false_rollback else ''}",
        f"  promoted         {_to_share(summary.promoted)}{f'   {missed}' if judged.missed else ''}",
        f"  undecided        {_to_share(summary.undecided)}",
        f"  time             to promote {times[0]}, to roll back {times[1]}",
        f"  excess failures  {_to_mean(summary.excess_failures, 1)}{_bound(judged.least_excess, 1)}",
        f"  canary requests  {_to_mean(summary.canary_requests, 0)}{_bound(judged.least_requests, 0)}",
    ]


def _bound(least: float | None, digits: int) -> str:
    return "" if least is None else f"   no rule needs less than {least:,.{digits}f}"


def _to_share(mean: Mean) -> str:
    return f"{to_percent(mean.value or 0.0)} ± {to_percent(mean.error)}"


def _to_time(mean: Mean) -> str:
    return "-" if mean.value is None else f"{to_duration(mean.value)} ± {to_duration(mean.error)}"


def _to_mean(mean: Mean, digits: int) -> str:
    return "-" if mean.value is None else f"{mean.value:,.{digits}f} ± {mean.error:,.{digits}f}"
