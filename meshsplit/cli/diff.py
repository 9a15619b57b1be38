"""`meshsplit diff`: what render would change."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from meshsplit.cli.checking import Checked, check
from meshsplit.cli.compare import Body, Difference, Redraw, compare, is_ours, ref_of, splits_of
from meshsplit.cli.difftext import FILES, LIVE, Sides, run_external_diff, to_text, to_unified
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.inputs import STDIN, CannotRead, Inputs, input_options, require_pipe, stdin
from meshsplit.cli.livebodies import owned_by, say_partial
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.render import reported
from meshsplit.cli.text import next_to_explain, to_summary
from meshsplit.cli.text import to_text as findings_to_text
from meshsplit.diagnostics import ObjectRef, Severity
from meshsplit.istio import names
from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.manifests.files import UnreadableInput, read_paths
from meshsplit.model import Split

EXTERNAL_DIFF = "KUBECTL_EXTERNAL_DIFF"


@click.command("diff")
@input_options
@click.option(
    "--against",
    type=click.Path(allow_dash=True),
    help="Objects to compare with: a file, a folder, or - for standard input (kubectl get … -o yaml).",
)
@output_options(["text", "json", "yaml", "unified"])
@click.pass_context
def diff_command(context: click.Context, inputs: Inputs, against: str | None, output: Output) -> None:
    """Compare what FILES render to with the objects in --against, or with those of the cluster.

    With --live the objects of the cluster are read beside FILES: the difference is what the controller would
    change once FILES are applied, or, without FILES, what it would change now (-n: in that namespace).

    Only VirtualServices and DestinationRules that meshsplit made, or would make, are compared. A group whose
    percentages are invalid, or whose rollout has begun, is expected at the split that serves; what cannot be
    read leaves its objects as they are.

    Exit codes: 0 no difference, 1 differences or errors, 2 could not read the input.
    """
    if (against is None) == (inputs.live is None):
        raise click.UsageError("name what to compare with: either --against or --live")
    if against is None:
        checked = check(inputs)
        bodies: list[Body] = [owned_by(body, names.MANAGER) for body in checked.live.bodies]
    else:
        bodies = _read_against(inputs, against)
        checked = check(inputs, current=splits_of(bodies))
    comparison = _compare(checked, bodies, "" if inputs.has_files else inputs.named_namespace)
    located = reported(checked)
    if located:
        output.say(findings_to_text(located, output.stderr) + "\n\n" + to_summary(checked.count(located)))
    if partial := say_partial(checked.live, inputs.named_namespace):
        output.say(partial)
    _write(comparison, output, FILES if against is not None else LIVE)
    failed = any(each.severity is Severity.ERROR for each in located)
    program = program_of(context)
    output.say(
        next_to_explain(located, program)
        if failed
        else f"Next: {_following(inputs, bool(comparison.differences), program)}"
    )
    context.exit(ExitCode.NO if comparison.differences or failed else ExitCode.YES)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and how many objects were looked at."""

    differences: tuple[Difference, ...]
    compared: int


def _compare(checked: Checked, bodies: Sequence[Body], namespace: str) -> Comparison:
    """What is rendered against `bodies`, in one namespace or in all ("")."""
    rendered = [body for body in checked.translation.objects if _is_in(body, namespace)]
    made = frozenset(map(ref_of, rendered))
    untouched = frozenset(ObjectRef(*identity) for identity in checked.translation.untouched)
    ours = [
        body
        for body in bodies
        if is_ours(body, made) and _is_in(body, namespace) and ref_of(body) not in untouched
    ]
    differences = compare(rendered, ours, _make_redraw(checked))
    return Comparison(differences, len({*made, *map(ref_of, ours)}))


def _is_in(body: Body, namespace: str) -> bool:
    return not namespace or ref_of(body).namespace == namespace


def _following(inputs: Inputs, differs: bool, program: str) -> str:
    """The next command: what brings the difference about, or a look at what is."""
    if inputs.live is None:
        return f"{program} render {inputs} | kubectl apply -f -" if differs else f"{program} lint {inputs}"
    flags = inputs.live.flags
    if not inputs.has_files:
        return f"{program} check{flags}" if differs else f"{program} get -A{flags}"
    return _how_to_apply(inputs) if differs else f"{program} lint {inputs}"


def _how_to_apply(inputs: Inputs) -> str:
    files = [f"-f {path}" for path in inputs.paths]
    files += [f"-k {inputs.kustomization}"] if inputs.kustomization else []
    where = f" -n {inputs.named_namespace}" if inputs.named_namespace else ""
    return f"kubectl apply {' '.join(files)}{where}{inputs.live.flags if inputs.live else ''}"


def _read_against(inputs: Inputs, against: str) -> list[Body]:
    if against == STDIN:
        if STDIN in inputs.paths or not (inputs.paths or inputs.kustomization):
            raise CannotRead("standard input can be the manifests or --against, not both: name one as a file")
        require_pipe()
    try:
        read = read_paths([against], stdin(), inputs.namespace)
    except UnreadableInput as error:
        raise CannotRead(str(error)) from None
    broken = [f for f in read.findings if f.code in {"MSP001", "MSP002", "MSP003"}]
    if broken:
        place = broken[0].position
        where = f"{place.file}:{place.line}:{place.column}" if place else against
        raise CannotRead(f"--against: {where}: {broken[0].message}")
    return [document.body for document in read.documents]


def _make_redraw(checked: Checked) -> Redraw:
    groups = {
        ObjectRef("VirtualService", group.key.namespace, names.splitting_name(group.key.name)): group
        for group in (outcome.group for outcome in checked.translation.outcomes)
    }

    def redraw(ref: ObjectRef, split: Split) -> Body | None:
        group = groups.get(ref)
        if group is None or not _carries(split) <= {member.name for member in group.members}:
            return None
        return make_virtual_service(make_group_plan(group, split), checked.settings.istio_api_version)

    return redraw


def _carries(split: Split) -> set[str]:
    return {name for name, weight in split.weights if weight}


def _write(comparison: Comparison, output: Output, sides: Sides) -> None:
    differences = comparison.differences
    if output.format in {"json", "yaml"}:
        output.report("DiffReport", to_report(differences, comparison.compared))
        return
    if output.format == "unified":
        external = os.environ.get(EXTERNAL_DIFF)
        if external and differences:
            run_external_diff(external, differences)
        elif differences:
            output.answer("\n".join(to_unified(each, output.stdout, sides) for each in differences))
        return
    for each in differences:
        output.answer(to_text(each, output.stdout, sides))
    output.answer(to_closing_line(differences, comparison.compared))


def to_closing_line(differences: tuple[Difference, ...], compared: int) -> str:
    """How many objects differ, and how many of them in weights only."""
    if not differences:
        return f"No differences in {compared} {'object' if compared == 1 else 'objects'}."
    total, weights = len(differences), sum(bool(each.weights) for each in differences)
    text = "1 object differs" if total == 1 else f"{total} objects differ"
    if weights == total:
        return f"{text}, in weights only."
    return f"{text}, {weights} in weights only." if weights else f"{text}."


def to_report(differences: tuple[Difference, ...], compared: int) -> dict[str, Any]:
    """The body of a DiffReport."""
    return {
        "differences": [_to_entry(each) for each in differences],
        "summary": {
            "compared": compared,
            "differ": len(differences),
            "weightsOnly": sum(bool(each.weights) for each in differences),
        },
    }


def _to_entry(difference: Difference) -> dict[str, Any]:
    ref = difference.object
    return {
        "object": {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name},
        "change": difference.change,
        "weightsOnly": bool(difference.weights),
        "weights": [
            {"place": change.place, "before": dict(change.before), "after": dict(change.after)}
            for change in difference.weights
        ],
    }
