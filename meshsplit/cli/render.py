"""`meshsplit render`: manifests in, Istio objects out."""

import click

from meshsplit.cli.checking import Checked, check
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.findings import Located
from meshsplit.cli.inputs import Inputs, input_options
from meshsplit.cli.livebodies import say_partial
from meshsplit.cli.objects import FORMATS, to_output
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.text import next_to_explain, to_summary, to_text
from meshsplit.diagnostics import Severity
from meshsplit.model import Strategy
from meshsplit.rollout.targets import Weights


@click.command("render")
@input_options
@click.option(
    "--weights",
    type=click.Choice(["start", "target"]),
    default="start",
    show_default=True,
    help="For groups with a strategy: where the rollout starts, or where it should end.",
)
@click.option(
    "--disvc",
    "with_disvcs",
    is_flag=True,
    help="Also the first version of each DistributedInferenceService; not to be applied.",
)
@output_options(FORMATS)
@click.pass_context
def render_command(
    context: click.Context, inputs: Inputs, weights: Weights, with_disvcs: bool, output: Output
) -> None:
    """Write the Istio objects that realise the groups of FILES.

    Standard output is only the objects, so it pipes into kubectl apply -f -; findings go to standard error.
    The objects of a DistributedInferenceService are its controller's to make, which takes none that somebody
    else has made: --disvc shows them, to be read.

    Exit codes: 0 everything was rendered; 1 with errors (what can be rendered still is), or when there are
    groups and none of them is exposed, so that a pipeline does not take that for an answer; 2 could not read
    the input.
    """
    checked = check(inputs, weights)
    located = reported(checked)
    if partial := say_partial(checked.live, inputs.named_namespace):
        output.say(partial)
    shown = checked.disvcs if with_disvcs else ()
    objects = (*checked.translation.objects, *(body for disvc in shown for body in disvc.objects))
    if objects or output.format == "json":
        output.answer(to_output(objects, output.format))
    if located:
        output.say(to_text(located, output.stderr) + "\n\n" + to_summary(checked.count(located)))
    _say_weights(checked, weights, output)
    _say_disvcs(checked, with_disvcs, output)
    if not objects:
        output.say("Nothing to render: no group and no model is exposed.")
    output.say(_next(checked, located, inputs, program_of(context)))
    failed = any(each.severity is Severity.ERROR for each in located)
    nothing = bool(checked.translation.outcomes) and not checked.translation.objects
    context.exit(ExitCode.NO if failed or nothing else ExitCode.YES)


def reported(checked: Checked) -> tuple[Located, ...]:
    """Findings beside an answer: silencing an error would not make its objects appear, so it is shown."""
    unsilenced = set(map(id, checked.unsilenced()))
    return tuple(
        each for each in checked.located if each.severity is Severity.ERROR or id(each) in unsilenced
    )


def _say_weights(checked: Checked, weights: Weights, output: Output) -> None:
    for outcome in checked.translation.outcomes:
        if outcome.group.strategy is Strategy.STATIC or outcome.split is None or outcome.group.unreadable:
            continue
        other = "target" if weights == "start" else "start"
        output.say(
            f"{outcome.group.key} has a strategy: rendered at its {weights} {outcome.split} "
            f"(--weights {other} for the other)"
        )


def _say_disvcs(checked: Checked, shown: bool, output: Output) -> None:
    for disvc in checked.disvcs:
        if not disvc.objects:
            continue
        told = (
            "version 1 as its controller makes it, without owner references; to be read, not to be applied"
            if shown
            else "its controller makes its objects; --disvc shows those of version 1"
        )
        output.say(f"{disvc.ref}: {told}")
        if shown and disvc.unnamed:
            output.say(f"  of this input {disvc.unnamed}")


def _next(checked: Checked, located: tuple[Located, ...], inputs: Inputs, program: str) -> str:
    if any(each.severity is Severity.ERROR for each in located):
        return next_to_explain(located, program)
    if not checked.translation.objects:
        return f"Next: {program} lint {inputs}"
    return f"Next: {program} render {inputs} | kubectl apply -f -"
