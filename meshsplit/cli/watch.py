"""`meshsplit watch`: a rollout as it goes, as lines for a log or redrawn on a terminal."""

import json
import sys

import click

from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.decisions import Decisions, to_entry, to_line
from meshsplit.cli.ending import End, find_end
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.requesting import MANAGER, follow
from meshsplit.cli.screen import Screen
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.terminal import visible
from meshsplit.cli.watchkeys import WatchKeys
from meshsplit.cli.watchscreen import watch_on_screen


@click.command("watch")
@click.argument("name", shell_complete=complete_splits)
@click.option("--all", "every", is_flag=True, help="Every check, also holds like the one before.")
@live_namespace_option
@connection_options
@output_options(("text", "json"))
@click.pass_context
def watch_command(
    context: click.Context,
    name: str,
    every: bool,
    namespace: str | None,
    connection: Connection,
    output: Output,
) -> None:
    """Follow the rollout of the ModelSplit NAME until it ends: a line a decision, with its evidence.

    On a terminal the block of `status` is redrawn in place until the rollout that is seen ends, or `q` is
    pressed. There `p` and the space bar pause and resume it, `P` promotes and `a` aborts it: each first shows
    what would happen, and nothing is sent before `y`. -o json is one object a line.

    Exit codes: 0 promoted, or `q`; 1 rolled back or aborted; 2 could not reach the cluster, or there is no
    such ModelSplit; 130 ended by Ctrl-C.
    """
    program = program_of(context)
    cluster = connection.open(namespace, manager=MANAGER)
    if output.format == "text" and Screen.is_possible(sys.stdin, sys.stdout):
        keys = WatchKeys(cluster, program, connection.context_name())
        end = watch_on_screen(cluster, name, keys, program, output)
    else:
        end = _watch_lines(cluster, name, program, output, every=every)
    context.exit(ExitCode.YES if end in (None, End.PROMOTED) else ExitCode.NO)


def _watch_lines(cluster: Cluster, name: str, program: str, output: Output, *, every: bool) -> End | None:
    decisions = Decisions()
    for split in follow(cluster, name, program, None):
        for told in decisions.take(split):
            if every or not told.is_repeated:
                line = json.dumps(to_entry(told)) if output.format == "json" else visible(to_line(told))
                output.answer(line)
        end = find_end(split)
        if end is not None:
            output.answer(_to_last(split, end, output.format))
            return end
    return None


def _to_last(split: LiveSplit, end: End, kind: str) -> str:
    decision, ready = split.status.last_decision, split.ready
    since = decision.time if decision is not None else ready.last_transition_time if ready else None
    at = to_rfc3339(since) if since is not None else ""
    if kind == "json":
        head = {"namespace": split.namespace, "name": split.name, "time": at}
        return json.dumps({**head, "outcome": str(end), "weight": split.status.weight})
    return visible(f"{at} {split} {end}: {split.status.weight}")
