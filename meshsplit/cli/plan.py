"""`meshsplit plan`: how the rollouts of some manifests would go."""

import click

from meshsplit.cli.checking import Checked, check
from meshsplit.cli.compare import Difference, compare, is_ours, ref_of
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.findings import Located, locate_findings
from meshsplit.cli.inputs import Inputs, input_options
from meshsplit.cli.livebodies import owned_by
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.planreport import to_report
from meshsplit.cli.plantext import to_closing_line, to_objects, to_rollout
from meshsplit.cli.program import program_of
from meshsplit.cli.quantities import RATE, TRAFFIC
from meshsplit.cli.render import reported
from meshsplit.cli.rollouts import Rollout, find_rollouts
from meshsplit.cli.text import next_to_explain, to_text
from meshsplit.diagnostics import ObjectRef, Severity
from meshsplit.istio import names
from meshsplit.model import Strategy
from meshsplit.simulation.obstacles import to_findings


@click.command("plan")
@input_options
@click.option("--traffic", type=TRAFFIC, help="Requests a second of every group, such as 120rps.")
@click.option("--baseline-errors", "baseline", type=RATE, help="The stable member's error rate: 0.2%.")
@output_options(["table", "json", "yaml"])
@click.pass_context
def plan_command(
    context: click.Context, inputs: Inputs, traffic: float | None, baseline: float | None, output: Output
) -> None:
    """Say how the rollouts of FILES would go, before any of them begins.

    For every group with a canary strategy: the steps and how long they take, what a canary would cost that
    fails twice or ten times as often, and what cannot be shown before the deadline, with the changes that
    would help. Then the objects that would be written. Times need --traffic and --baseline-errors.

    Exit codes: 0 planned, 1 with errors, 2 could not read the input.
    """
    if (traffic is None) != (baseline is None):
        raise click.UsageError("--traffic and --baseline-errors belong together: give both")
    checked = check(inputs)
    known = None if traffic is None or baseline is None else (traffic, baseline)
    rollouts = tuple(find_rollouts(checked, known))
    located = (*reported(checked), *_locate_obstacles(checked, rollouts))
    differences = _find_differences(checked)
    if output.format == "table":
        _write(checked, rollouts, differences, located, known is not None, output)
    else:
        output.report("PlanReport", to_report(rollouts, differences, located))
    failed = any(each.severity is Severity.ERROR for each in located)
    program = program_of(context)
    output.say(next_to_explain(located, program) if failed else f"Next: {program} render {inputs}")
    context.exit(ExitCode.NO if failed else ExitCode.YES)


def _locate_obstacles(checked: Checked, rollouts: tuple[Rollout, ...]) -> tuple[Located, ...]:
    """MSP503 for every metric that cannot be certified in time."""
    found = [
        finding
        for each in rollouts
        if each.plan is not None
        for finding in to_findings(each.plan, each.canary, each.policy, each.group.source)
    ]
    return locate_findings(found, checked.places)


def _find_differences(checked: Checked) -> tuple[Difference, ...]:
    """What is written that the input, or the cluster, does not hold already."""
    rendered = checked.translation.objects
    made = frozenset(map(ref_of, rendered))
    untouched = frozenset(ObjectRef(*identity) for identity in checked.translation.untouched)
    live = {ref_of(body): owned_by(body, names.MANAGER) for body in checked.live.bodies}
    found = {**live, **{each.ref: each.body for each in checked.read.documents}}
    ours = [body for ref, body in found.items() if ref not in untouched and is_ours(body, made)]
    return compare(rendered, ours, lambda _ref, _split: None)


def _write(
    checked: Checked,
    rollouts: tuple[Rollout, ...],
    differences: tuple[Difference, ...],
    located: tuple[Located, ...],
    known: bool,
    output: Output,
) -> None:
    for rollout in rollouts:
        output.answer(to_rollout(rollout) + "\n")
    if rollouts and not known:
        output.say("Times and exposure need --traffic and --baseline-errors.")
    steps = {str(rollout.group.key) for rollout in rollouts}
    for outcome in checked.translation.outcomes:
        if str(outcome.group.key) not in steps and outcome.split is not None:
            at_once = outcome.group.strategy is Strategy.STATIC
            what = f"set to {outcome.split} at once" if at_once else f"stays at {outcome.split}"
            output.answer(f"{outcome.group.key}: {what}\n")
    objects = to_objects(differences, rollouts)
    if objects:
        output.answer(objects + "\n")
    if located:
        output.say(to_text(located, output.stderr) + "\n")
    output.answer(to_closing_line(differences, located))
