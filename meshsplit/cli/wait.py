"""`meshsplit wait`: for pipelines, until a rollout is where it should be, or never will be."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import click

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.decisions import find_canary_share
from meshsplit.cli.ending import End, find_end, knows_target
from meshsplit.cli.evidencetext import to_step
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.notdone import NotAnswered
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.place import FORMATS
from meshsplit.cli.program import program_of
from meshsplit.cli.quantities import SECONDS
from meshsplit.cli.requesting import follow
from meshsplit.cli.splits import LiveSplit, to_split_report
from meshsplit.cli.terminal import visible
from meshsplit.rollout.state import Phase

_GONE_BACK = (End.ROLLED_BACK, End.ABORTED)


def _is_in(phase: Phase) -> Callable[[LiveSplit], bool]:
    def is_in(split: LiveSplit) -> bool:
        rollout = split.status.rollout
        return rollout is not None and rollout.state == phase

    return is_in


def _is_paused(split: LiveSplit) -> bool:
    return split.status.pause is not None or (split.ready is not None and split.ready.reason == "Paused")


GOALS: dict[str, Callable[[LiveSplit], bool]] = {
    "promoted": lambda split: find_end(split) is End.PROMOTED,
    "rolled-back": lambda split: find_end(split) in _GONE_BACK,
    "paused": _is_paused,
    "awaiting-promotion": _is_in(Phase.AWAITING_PROMOTION),
    "inconclusive": _is_in(Phase.INCONCLUSIVE),
}


@click.command("wait")
@click.argument("name", shell_complete=complete_splits)
@click.option("--for", "goal", type=click.Choice(list(GOALS)), required=True, help="What to wait for.")
@click.option("--timeout", "patience", type=SECONDS, help="How long, for example 30m; else for ever.")
@live_namespace_option
@connection_options
@output_options(FORMATS)
@click.pass_context
def wait_command(
    context: click.Context,
    name: str,
    goal: str,
    patience: float | None,
    namespace: str | None,
    connection: Connection,
    output: Output,
) -> None:
    """Block until the rollout of the ModelSplit NAME is where --for says, or has ended otherwise.

    What the ModelSplit or the annotations ask for now is waited for, also when no controller has seen it yet.

    Exit codes: 0 it is; 1 it ended otherwise, such as rolled back; 2 could not reach the cluster, or there is
    no such ModelSplit; 4 --timeout is over.
    """
    program = program_of(context)
    cluster = connection.open(namespace)
    say = output.answer if output.format == "text" else output.say
    last, shown = None, ""
    for split in follow(cluster, name, program, patience):
        last = split
        ended = _find_outcome(cluster, split, goal)
        text = _describe(split)
        if ended is None and text != shown:
            say(f"{_clock(split)} {visible(text)}")
            shown = text
        if ended is not None:
            _report(output, split, goal, ended)
            context.exit(ExitCode.YES if ended else ExitCode.NO)
    where = f"{name} -n {cluster.namespace}{cluster.flags}"
    told = f", it is {last.ready.reason}" if last is not None and last.ready is not None else ""
    raise NotAnswered(f"not {goal} within {patience:g}s{told}", following=f"{program} explain {where}")


def _find_outcome(cluster: Cluster, split: LiveSplit, goal: str) -> bool | None:
    """Whether the goal is reached, None while it may be."""
    end = find_end(split)
    reached = GOALS[goal](split)
    if not reached and end is None:
        return None
    if end is not None and not knows_target(cluster, split):
        return None
    return reached


def _describe(split: LiveSplit) -> str:
    """Where the rollout is: `step 1/4 at 5%`, else its state."""
    step, share = to_step(split.status.rollout), find_canary_share(split)
    if find_end(split) is None and step and share:
        return f"step {step} at {share}%"
    word = split.ready.reason if split.ready is not None else "no status yet"
    return f"{word} at {split.status.weight}" if split.status.weight else word


def _report(output: Output, split: LiveSplit, goal: str, reached: bool) -> None:
    end, decision = find_end(split), split.status.last_decision
    word = str(end) if end is not None else goal
    if output.format == "text":
        message = decision.message if decision is not None and decision.message else split.status.weight
        output.answer(f"{_clock(split)} {word}: {visible(message)}")
        return
    body = {"verb": "wait", "for": goal, "reached": reached, "outcome": word}
    output.report("ActionResult", {**body, "split": to_split_report(split)})


def _clock(split: LiveSplit) -> str:
    """When it was decided, else now."""
    decision = split.status.last_decision
    at = decision.time if decision is not None else datetime.fromtimestamp(time.time(), UTC)
    return f"{at:%H:%M:%S}Z"
