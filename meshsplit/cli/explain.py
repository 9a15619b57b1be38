"""`meshsplit explain`: a code, a field of ModelSplit, or why a live group is where it is."""

import re

import click
from click.shell_completion import CompletionItem

from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.explainlive import next_command
from meshsplit.cli.explainlive import to_report as to_live_report
from meshsplit.cli.explainlive import to_text as to_live_text
from meshsplit.cli.fields import ROOT, find_field, find_near_field, to_field_report, to_field_text
from meshsplit.cli.lookup import find_split
from meshsplit.cli.objecttree import make_tree
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.rules import find_near_codes, to_rule_report, to_rule_text, to_rules_text
from meshsplit.cli.situation import read_situation
from meshsplit.cli.status import to_report as to_split_report
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.diagnostics import RULES

_CODE = re.compile(r"msp\d*", re.IGNORECASE)


def _complete_topic(context: click.Context, argument: click.Parameter, typed: str) -> list[CompletionItem]:
    codes = [
        CompletionItem(rule.code, help=rule.title)
        for rule in RULES.values()
        if rule.code.startswith(typed.upper())
    ]
    return codes or complete_splits(context, argument, typed)


@click.command("explain")
@click.argument("topic", required=False, shell_complete=_complete_topic)
@live_namespace_option
@connection_options
@output_options(["text", "json", "yaml"])
@click.pass_context
def explain_command(
    context: click.Context, topic: str | None, namespace: str | None, connection: Connection, output: Output
) -> None:
    """Explain TOPIC: a code such as MSP101, a field such as modelsplit.spec.routing, or a ModelSplit's name.

    Without TOPIC, list all codes. Only a ModelSplit's name needs a cluster.

    Exit codes: 0 explained; 2 there is no such topic, or the cluster could not be read.
    """
    if topic is None:
        context.exit(_list_codes(output, program_of(context)))
    if _CODE.fullmatch(topic):
        context.exit(_explain_code(topic.upper(), output, program_of(context)))
    if topic.lower().split(".")[0] == ROOT:
        context.exit(_explain_field(topic, output, program_of(context)))
    context.exit(_explain_split(topic, namespace, connection, output, program_of(context)))


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


def _explain_split(
    name: str, namespace: str | None, connection: Connection, output: Output, program: str
) -> ExitCode:
    try:
        cluster = connection.open(namespace)
    except CannotAnswer as error:
        raise CannotAnswer(
            f"{name!r} is neither a code (MSP101) nor a field ({ROOT}.spec.routing), and there is no cluster "
            f"to find a group of that name in: {error.found}",
            fix=error.fix,
            following=f"{program} explain",
        ) from None
    situation = read_situation(cluster, find_split(cluster, name, program))
    if output.format != "text":
        whole = {**to_split_report(situation, make_tree(situation)), **to_live_report(situation)}
        output.report("ExplainReport", {"split": whole})
        return ExitCode.YES
    output.answer(to_live_text(situation, output.stdout))
    output.answer(f"Next: {next_command(situation, program, cluster.flags)}")
    return ExitCode.YES
