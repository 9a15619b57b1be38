"""`meshsplit events`: what was told of ModelSplits and their members, by time."""

from collections.abc import Sequence

import click

from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, Scope, connection_options, scope_options
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.kinds import EVENTS, MODEL_SPLITS
from meshsplit.cli.lookup import no_such_split
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.splits import LiveSplit, to_live_split
from meshsplit.cli.tables import to_table
from meshsplit.cli.toldevents import ToldEvent, choose_events, to_event, to_event_report

COLUMNS = ("TIME", "TYPE", "REASON", "OBJECT", "MESSAGE")


@click.command("events")
@click.argument("name", required=False, shell_complete=complete_splits)
@scope_options
@connection_options
@output_options(("table", "json", "yaml"))
@click.pass_context
def events_command(
    context: click.Context, name: str | None, scope: Scope, connection: Connection, output: Output
) -> None:
    """List the Events of the ModelSplit NAME and its members, or of all ModelSplits, the newest last.

    Kubernetes forgets Events after an hour, unless its API server is told otherwise; `history` is what the
    ModelSplit itself keeps.

    Exit codes: 0 listed; 2 could not read the cluster, or there is no such ModelSplit.
    """
    program = program_of(context)
    cluster = connection.open(scope.namespace)
    namespace = "" if scope.everywhere else cluster.namespace
    splits = [to_live_split(body) for body in cluster.list(MODEL_SPLITS, namespace, scope.selector)]
    told = [to_event(body) for body in cluster.list(EVENTS, namespace)]
    wanted = [split for split in splits if name in (None, split.name)]
    events = choose_events(told, wanted, name, others=not scope.selector)
    if name is not None and not wanted and not events:
        raise no_such_split(name, namespace, splits, cluster, program)
    if output.format == "table":
        output.answer(to_text(events, output, with_namespace=not namespace))
        output.answer(f"Next: {program} {_find_next(name, wanted, namespace, cluster)}")
    else:
        output.report("EventsReport", {"events": [to_event_report(event) for event in events]})
    context.exit(ExitCode.YES)


def to_text(events: Sequence[ToldEvent], output: Output, *, with_namespace: bool) -> str:
    """The table, or that there is nothing in it."""
    if not events:
        return "No Events: nothing has happened of late, or they are forgotten already."
    rows = [
        [
            *([event.namespace] if with_namespace else []),
            to_rfc3339(event.time) if event.time is not None else "",
            event.type,
            event.reason,
            f"{event.kind.lower()}/{event.name}",
            f"{event.message} (x{event.count})" if event.count > 1 else event.message,
        ]
        for event in events
    ]
    first, *lines = to_table([*(["NAMESPACE"] if with_namespace else []), *COLUMNS], rows)
    return "\n".join([output.stdout.strong(first), *lines])


def _find_next(name: str | None, splits: Sequence[LiveSplit], namespace: str, cluster: Cluster) -> str:
    """Why it is as it is, where one ModelSplit is looked at and there still is one."""
    if name is not None and splits:
        return f"explain {name} -n {splits[0].namespace}{cluster.flags}"
    return f"get {f'-n {namespace}' if namespace else '-A'}{cluster.flags}"
