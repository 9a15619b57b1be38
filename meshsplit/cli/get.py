"""`meshsplit get`: the splits of a cluster, one line each."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, Scope, connection_options, scope_options
from meshsplit.cli.evidencetext import to_errors, to_step
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.kinds import MODEL_SPLITS
from meshsplit.cli.lookup import no_such_split
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.splits import LiveSplit, to_live_split, to_split_report
from meshsplit.cli.tables import to_age, to_table
from meshsplit.cli.terminal import Style, visible

COLUMNS = ("NAME", "STRATEGY", "STATUS", "STABLE", "CANARY", "WEIGHT", "STEP", "CANARY ERRORS (95%)", "AGE")
WIDE_COLUMNS = ("TARGET", "MESSAGE")

FORMATS = ("table", "wide", "json", "yaml", "name")


@click.command("get")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_splits)
@scope_options
@connection_options
@output_options(FORMATS)
@click.pass_context
def get_command(
    context: click.Context, names: tuple[str, ...], scope: Scope, connection: Connection, output: Output
) -> None:
    """List the ModelSplits of a cluster, or those of the given NAMEs.

    What wants attention is said below the table. A weight with "!" goes on serving although what is asked for
    is not valid.

    Exit codes: 0 listed; 2 could not read the cluster, or there is no ModelSplit of a NAME.
    """
    cluster = connection.open(scope.namespace)
    namespace = "" if scope.everywhere else cluster.namespace
    splits = [to_live_split(body) for body in cluster.list(MODEL_SPLITS, namespace, scope.selector)]
    for name in names:
        if all(split.name != name for split in splits):
            raise no_such_split(name, namespace, splits, cluster, program_of(context))
    chosen = [split for split in splits if not names or split.name in names]
    if output.format in {"json", "yaml"}:
        output.report("SplitReport", {"splits": [to_split_report(split) for split in chosen]})
    elif output.format == "name":
        if chosen:
            output.answer("\n".join(f"modelsplit.{MODEL_SPLITS.group}/{split.name}" for split in chosen))
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
    header = [*(["NAMESPACE"] if with_namespace else []), *COLUMNS, *(WIDE_COLUMNS if wide else ())]
    rows = [
        [
            *([split.namespace] if with_namespace else []),
            *_cells(split, now),
            *(_wide_cells(split) if wide else ()),
        ]
        for split in splits
    ]
    first, *lines = to_table(header, rows)
    return "\n".join([style.strong(first), *lines])


def _cells(split: LiveSplit, now: datetime) -> tuple[str, ...]:
    status = split.status
    word = split.ready.reason if split.ready is not None else ""
    step, errors = to_step(status.rollout), to_errors(status)
    texts = (split.name, split.strategy, word, status.stable, status.canary, split.weight, step, errors)
    return (*texts, to_age(split.created, now))


def _wide_cells(split: LiveSplit) -> tuple[str, ...]:
    message = split.ready.message if split.ready is not None else split.problem
    return split.status.target, message


def _look_around(namespace: str, cluster: Cluster) -> str:
    return f"get -A{cluster.flags}" if namespace else f"check{cluster.flags}"
