"""`meshsplit status`: one split, from its target to the objects that realise it."""

from datetime import UTC, datetime
from typing import Any

import click

from meshsplit.api.status import READY
from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.evidencetext import find_errors, to_lines
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.kinds import MODEL_SPLITS
from meshsplit.cli.lookup import find_split
from meshsplit.cli.objecttree import BAD, GOOD, OPEN, Entry, make_tree, to_dot, to_tree
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.ownership import Authorship
from meshsplit.cli.program import program_of
from meshsplit.cli.situation import Situation, read_situation, to_percent
from meshsplit.cli.splits import is_well, to_split_report
from meshsplit.cli.tables import NOTHING, to_table
from meshsplit.cli.terminal import Style, visible
from meshsplit.cli.whynot import say_progress, say_stand
from meshsplit.istio import names
from meshsplit.kserve.keys import MODEL_TAG
from meshsplit.model import Split

FORMATS = ("table", "wide", "json", "yaml", "name", "dot")

_INDENT = "  "


@click.command("status")
@click.argument("name", shell_complete=complete_splits)
@live_namespace_option
@connection_options
@output_options(FORMATS)
@click.pass_context
def status_command(
    context: click.Context, name: str, namespace: str | None, connection: Connection, output: Output
) -> None:
    """Show where the traffic of the ModelSplit NAME should end, where it is now, and every object of it.

    -o wide adds the conditions that are as they should be; -o dot is a graph for Graphviz.

    Exit codes: 0 shown, however it is; 2 could not read the cluster, or there is no such ModelSplit.
    """
    program = program_of(context)
    cluster = connection.open(namespace)
    situation = read_situation(cluster, find_split(cluster, name, program))
    tree = make_tree(situation)
    if output.format in {"json", "yaml"}:
        output.report("SplitReport", {"splits": [to_report(situation, tree)]})
    elif output.format == "name":
        output.answer(f"modelsplit.{MODEL_SPLITS.group}/{name}")
    elif output.format == "dot":
        output.answer(to_dot(situation, tree))
    else:
        output.answer(to_text(situation, tree, output.stdout, wide=output.format == "wide"))
        output.answer(f"\nNext: {program} explain {name} -n {cluster.namespace}{cluster.flags}")
    context.exit(ExitCode.YES)


def to_text(situation: Situation, tree: tuple[Entry, ...], style: Style, *, wide: bool) -> str:
    """The block: a head line, the numbers by member, the object tree, the conditions worth a look."""
    split = situation.split
    progress = "".join(f", {each}" for each in say_progress(split.status, datetime.now(UTC)))
    head = f"{style.strong(split.name)} · {split.namespace}      {_state(tree[0], style)}{visible(progress)}"
    notes = [f"{style.bad('!')} {visible(note)}" for note in _notes(situation)]
    conditions = _condition_lines(situation, style, wide=wide)
    evidence = _evidence_lines(situation)
    return "\n".join(
        [head, *notes, "", *_numbers(situation), *evidence, "", *to_tree(tree, style), *conditions]
    )


def to_report(situation: Situation, tree: tuple[Entry, ...]) -> dict[str, Any]:
    """The split's entry of a SplitReport, with who wrote the target and the object tree."""
    routed = situation.routed
    return {
        **to_split_report(situation.split),
        "targetFrom": "Spec" if situation.from_spec else "Annotations",
        "targets": {row.name: row.target or None for row in situation.members},
        "targetAuthors": [
            {
                "manager": author.writer.manager,
                "time": None if author.writer.time is None else to_rfc3339(author.writer.time),
                "objects": list(author.names),
            }
            for author in situation.target_authors
        ],
        "routed": None if routed is None else dict(routed.weights),
        "objects": [
            {
                "kind": entry.kind,
                "name": entry.name,
                "status": entry.status,
                "weight": entry.weight or None,
                "info": entry.info or None,
            }
            for entry in tree
        ],
    }


def _state(root: Entry, style: Style) -> str:
    paint = {GOOD: style.good, BAD: style.bad, OPEN: style.doubtful}[root.icon]
    return paint(f"{root.icon} {visible(root.status)}") + (f", {root.info}" if root.info else "")


def _notes(situation: Situation) -> list[str]:
    split, routed = situation.split, situation.routed
    notes = [split.attention] if split.attention else []
    notes += say_stand(split.status)
    if split.is_stale:
        seen = split.status.observed_generation
        notes.append(f"the status is of generation {seen}, the object is at {split.generation}")
    if routed is not None and not _agrees(routed, situation):
        notes.append(f"VirtualService {names.splitting_name(split.group)} says {routed}, the status does not")
    return notes


def _agrees(routed: Split, situation: Situation) -> bool:
    told = {row.name: row.weight for row in situation.members if row.weight}
    return all(to_percent(routed.of(name), routed.total) == weight for name, weight in told.items())


def _numbers(situation: Situation) -> list[str]:
    if not situation.members:
        return [f"{_INDENT}no members: nothing carries the label {MODEL_TAG}={situation.split.group}"]
    titles = [f"{row.name} ({row.role})" for row in situation.members]
    rows = [
        ("Target", [row.target for row in situation.members], describe_target(situation)),
        ("Now", [row.weight for row in situation.members], _describe_routes(situation)),
    ]
    if any(row.measured for row in situation.members):
        rows.append(("Measured", [row.measured for row in situation.members], _describe_measuring(situation)))
    lines = to_table(
        [" ", *titles, " "], [[name, *_middle(cells, titles), text] for name, cells, text in rows]
    )
    return [(_INDENT + line).rstrip() for line in lines]


def _evidence_lines(situation: Situation) -> list[str]:
    rows = to_lines(situation.split.status)
    if not rows:
        return []
    texts = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in texts) for at in range(len(texts[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in texts]
    return ["", *((_INDENT + line).rstrip() for line in lines)]


def _describe_measuring(situation: Situation) -> str:
    """On how much the measured shares rest: what was counted since the rollout began."""
    found = find_errors(situation.split.status)
    if found is None:
        return "requests"
    return f"{found.requests + found.stable_requests} requests in this rollout"


def _middle(cells: list[str], titles: list[str]) -> list[str]:
    """Numbers stand under the middle of their member's name."""
    return [visible(cell or NOTHING).center(len(title)) for cell, title in zip(cells, titles, strict=True)]


def describe_target(situation: Situation) -> str:
    """Where the target is written, and by whom it was changed last."""
    where = f"ModelSplit {situation.split.name}" if situation.from_spec else "annotations"
    authors = situation.target_authors
    told = [_describe_author(author, alone=len(authors) == 1) for author in authors]
    return f"{where}, last changed by {', '.join(told)}" if told else where


def _describe_author(author: Authorship, *, alone: bool) -> str:
    writer = author.writer
    when = f" at {to_rfc3339(writer.time)}" if writer.time is not None else ""
    return f"{visible(writer.manager)}{when}" + ("" if alone else f" ({', '.join(author.names)})")


def _describe_routes(situation: Situation) -> str:
    if situation.main_route is None:
        return "no VirtualService"
    return f"VirtualService {situation.main_route['metadata']['name']}"


def _condition_lines(situation: Situation, style: Style, *, wide: bool) -> list[str]:
    conditions = [
        condition
        for condition in situation.split.status.conditions
        if wide or (condition.type != READY and not is_well(condition))
    ]
    if not conditions:
        return []
    rows = [
        [
            condition.type,
            condition.status,
            condition.reason,
            to_rfc3339(condition.last_transition_time),
            condition.message,
        ]
        for condition in sorted(conditions, key=lambda each: each.type)
    ]
    first, *lines = to_table(["CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"], rows)
    return ["", style.strong(first), *lines]
