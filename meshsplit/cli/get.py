"""`meshsplit get`: the splits of a cluster, one line each."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, Scope, connection_options, scope_options
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.getwatch import watch_splits
from meshsplit.cli.kinds import MODEL_SPLITS
from meshsplit.cli.lookup import choose
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.splitrows import to_header, to_name, to_row
from meshsplit.cli.splits import LiveSplit, to_live_split, to_split_report
from meshsplit.cli.tables import to_table
from meshsplit.cli.terminal import Style, visible

FORMATS = ("table", "wide", "json", "yaml", "name")


@click.command("get")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_splits)
@click.option("-w", "--watch", is_flag=True, help="Go on with a row for every change, until Ctrl-C.")
@scope_options
@connection_options
@output_options(FORMATS)
@click.pass_context
def get_command(
    context: click.Context,
    names: tuple[str, ...],
    watch: bool,
    scope: Scope,
    connection: Connection,
    output: Output,
) -> None:
    """List the ModelSplits of a cluster, or those of the given NAMEs.

    What wants attention is said below the table. A weight with "!" goes on serving although what is asked for
    is not valid. With --watch, -o json is one object a line.

    Exit codes: 0 listed; 2 could not read the cluster, or there is no ModelSplit of a NAME; 130 a --watch
    ended by Ctrl-C.
    """
    cluster = connection.open(scope.namespace)
    namespace = "" if scope.everywhere else cluster.namespace
    if watch:
        watch_splits(cluster, namespace, scope.selector, names, program_of(context), output)
        context.exit(ExitCode.YES)
    splits = [to_live_split(body) for body in cluster.list(MODEL_SPLITS, namespace, scope.selector)]
    chosen = choose(splits, names, namespace, cluster, program_of(context))
    if output.format in {"json", "yaml"}:
        output.report("SplitReport", {"splits": [to_split_report(split) for split in chosen]})
    elif output.format == "name":
        if chosen:
            output.answer("\n".join(map(to_name, chosen)))
    else:
        _answer_table(chosen, namespace, cluster, program_of(context), output)
    context.exit(ExitCode.YES)


def _answer_table(
    splits: Sequence[LiveSplit], namespace: str, cluster: Cluster, program: str, output: Output
) -> None:
    if not splits:
        where = f"namespace {namespace}" if namespace else "the cluster"
        output.answer(f"No ModelSplits in {where}.\nNext: {program} {_look_around(namespace, cluster)}")
        return
    wide = output.format == "wide"
    output.answer(to_text(splits, datetime.now(UTC), output.stdout, with_namespace=not namespace, wide=wide))
    troubled = [split for split in splits if split.attention]
    for split in troubled:
        output.answer(f"\n{output.stdout.bad(f'! {split}')}: {visible(split.attention)}")
        output.answer(f"  Next: {program} explain {split.name} -n {split.namespace}{cluster.flags}")
    if not troubled:
        first = splits[0]
        output.answer(f"Next: {program} status {first.name} -n {first.namespace}{cluster.flags}")


def to_text(
    splits: Sequence[LiveSplit], now: datetime, style: Style, *, with_namespace: bool, wide: bool
) -> str:
    """The table; troubled rows have their status and a line below it, so a row itself is never painted."""
    shape = {"with_namespace": with_namespace, "wide": wide}
    first, *lines = to_table(to_header(**shape), [to_row(split, now, **shape) for split in splits])
    return "\n".join([style.strong(first), *lines])


def _look_around(namespace: str, cluster: Cluster) -> str:
    return f"get -A{cluster.flags}" if namespace else f"check{cluster.flags}"
