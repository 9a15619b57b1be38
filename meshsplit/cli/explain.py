"""`meshsplit explain`: a code, or a field of ModelSplit."""

import re

import click
from click.shell_completion import CompletionItem

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.fields import ROOT, find_field, find_near_field, to_field_report, to_field_text
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.rules import find_near_codes, to_rule_report, to_rule_text, to_rules_text
from meshsplit.diagnostics import RULES

_CODE = re.compile(r"msp\d*", re.IGNORECASE)


def _complete_topic(_context: click.Context, _argument: click.Parameter, typed: str) -> list[CompletionItem]:
    return [
        CompletionItem(rule.code, help=rule.title)
        for rule in RULES.values()
        if rule.code.startswith(typed.upper())
    ]


@click.command("explain")
@click.argument("topic", required=False, shell_complete=_complete_topic)
@output_options(["text", "json", "yaml"])
@click.pass_context
def explain_command(context: click.Context, topic: str | None, output: Output) -> None:
    """Explain TOPIC: a code such as MSP101, or a field such as modelsplit.spec.routing.

    Without TOPIC, list all codes.
    """
    if topic is None:
        context.exit(_list_codes(output, program_of(context)))
    if _CODE.fullmatch(topic):
        context.exit(_explain_code(topic.upper(), output, program_of(context)))
    if topic.lower().split(".")[0] == ROOT:
        context.exit(_explain_field(topic, output, program_of(context)))
    output.say(
        f"error: {topic!r} is neither a code (MSP101) nor a field ({ROOT}.spec.routing). "
        "Explaining a live group needs a cluster, which a later version brings.\n"
        f"Next: {program_of(context)} explain"
    )
    context.exit(ExitCode.UNANSWERED)


def _list_codes(output: Output, program: str) -> ExitCode:
    if output.format != "text":
        output.report("ExplainReport", {"rules": [to_rule_report(rule) for rule in RULES.values()]})
    else:
        output.answer(f"{to_rules_text(RULES.values())}\nNext: {program} explain MSP101")
    return ExitCode.YES


def _explain_code(code: str, output: Output, program: str) -> ExitCode:
    rule = RULES.get(code)
    if rule is None:
        near = ", ".join(find_near_codes(code))
        output.say(f"error: there is no code {code}. Near ones: {near}\nNext: {program} explain")
        return ExitCode.UNANSWERED
    if output.format != "text":
        output.report("ExplainReport", {"rules": [to_rule_report(rule)]})
    else:
        output.answer(f"{to_rule_text(rule, output.stdout)}\nNext: {program} lint DIR")
    return ExitCode.YES


def _explain_field(topic: str, output: Output, program: str) -> ExitCode:
    field = find_field(topic)
    if field is None:
        near = find_near_field(topic)
        output.say(f"error: ModelSplit has no field {topic}.\nNext: {program} explain {near}")
        return ExitCode.UNANSWERED
    if output.format != "text":
        output.report("ExplainReport", {"field": to_field_report(field)})
    else:
        output.answer(f"{to_field_text(field, output.stdout)}\nNext: {program} lint DIR")
    return ExitCode.YES
