"""`meshsplit history`: what a group served, when and why, and what may be gone back to."""

import click

from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.kinds import MODEL_SPLITS
from meshsplit.cli.lookup import find_split
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.tables import to_table

COLUMNS = ("NUMBER", "TIME", "ACTION", "REASON", "WEIGHTS", "GOOD", "ROLLOUT", "BY", "MESSAGE")


@click.command("history")
@click.argument("name", shell_complete=complete_splits)
@live_namespace_option
@connection_options
@output_options(("table", "json", "yaml"))
@click.pass_context
def history_command(
    context: click.Context, name: str, namespace: str | None, connection: Connection, output: Output
) -> None:
    """List the last changes of the split of the ModelSplit NAME, the newest last.

    GOOD ones may be gone back to with `rollback --to NUMBER`.

    Exit codes: 0 listed; 2 could not reach the cluster, or there is no such ModelSplit.
    """
    program = program_of(context)
    cluster = connection.open(namespace)
    split = find_split(cluster, name, program)
    if output.format == "table":
        output.answer(to_text(split, output))
        output.answer(f"Next: {program} {_find_next(split)} -n {cluster.namespace}{cluster.flags}")
    else:
        entries = [each.model_dump(mode="json", by_alias=True) for each in split.status.history]
        body = {"namespace": split.namespace, "name": split.name, "entries": entries}
        output.report("HistoryReport", body)
    context.exit(ExitCode.YES)


def to_text(split: LiveSplit, output: Output) -> str:
    """The table, or that there is nothing in it."""
    if not split.status.history:
        return f"No history: {MODEL_SPLITS.kind} {split} was never walked by a strategy."
    rows = [
        [
            str(entry.number),
            to_rfc3339(entry.time),
            entry.action,
            entry.reason,
            entry.weights,
            "yes" if entry.good else "",
            entry.rollout,
            entry.by,
            entry.message,
        ]
        for entry in split.status.history
    ]
    first, *lines = to_table(COLUMNS, rows)
    return "\n".join([output.stdout.strong(first), *lines])


def _find_next(split: LiveSplit) -> str:
    """Going back, where there is something good to go back to."""
    serving = split.status.history[-1].weights if split.status.history else ""
    good = [entry for entry in split.status.history if entry.good and entry.weights != serving]
    return f"rollback {split.name} --to {good[-1].number}" if good else f"status {split.name}"
