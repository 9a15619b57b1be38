"""`meshsplit watch`: a rollout as it goes, as lines for a log or redrawn on a terminal."""

import json
import sys
from collections.abc import Iterator

import click

from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.decisions import Decisions, to_entry, to_line
from meshsplit.cli.ending import End, find_end
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.lookup import find_split
from meshsplit.cli.objecttree import make_tree
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.requesting import follow
from meshsplit.cli.screen import Screen
from meshsplit.cli.situation import read_situation
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.status import to_text
from meshsplit.cli.terminal import visible


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

    On a terminal the block of `status` is redrawn in place until `q` is pressed, or the rollout that is seen
    ends. -o json is one object a line.

    Exit codes: 0 promoted, or `q`; 1 rolled back or aborted; 2 could not reach the cluster, or there is no
    such ModelSplit; 130 ended by Ctrl-C.
    """
    program = program_of(context)
    cluster = connection.open(namespace)
    if output.format == "text" and Screen.is_possible(sys.stdin, sys.stdout):
        end = _watch_on_screen(cluster, name, program, output)
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


def _watch_on_screen(cluster: Cluster, name: str, program: str, output: Output) -> End | None:
    """Redraw until the rollout that was under way ends; None when somebody leaves before."""
    block, end = "", None
    with Screen(sys.stdin, sys.stdout) as screen:
        for block, end in _blocks(cluster, name, program, output):
            screen.draw([*block.splitlines(), "", "q quits"])
            if end is not None or screen.is_left():
                break
    output.answer(block)
    return end


def _blocks(cluster: Cluster, name: str, program: str, output: Output) -> Iterator[tuple[str, End | None]]:
    """The block of `status`, and how the rollout ended once one was seen under way."""
    seen_active = False
    while True:
        split = find_split(cluster, name, program)
        situation = read_situation(cluster, split)
        end = find_end(split)
        yield (
            to_text(situation, make_tree(situation), output.stdout, wide=False),
            end if seen_active else None,
        )
        seen_active = seen_active or end is None
