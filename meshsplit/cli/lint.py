"""`meshsplit lint`: find mistakes, in the format of the reader's choice."""

from collections.abc import Sequence
from typing import Any

import click

from meshsplit.cli.checking import Checked, check
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.findings import Located
from meshsplit.cli.github import to_github
from meshsplit.cli.inputs import Inputs, input_options
from meshsplit.cli.junit import to_junit
from meshsplit.cli.livebodies import say_partial
from meshsplit.cli.output import Output, output_options, to_json
from meshsplit.cli.program import program_of
from meshsplit.cli.sarif import to_sarif
from meshsplit.cli.text import next_to_explain, to_summary, to_text
from meshsplit.diagnostics import RULES, Severity

FORMATS = ("text", "json", "yaml", "github", "sarif", "junit")


def _to_codes(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """Codes in upper case, from options that may each list several; BadParameter for an unknown one."""
    codes = tuple(code.strip().upper() for each in given for code in each.split(","))
    for code in codes:
        if code not in RULES:
            raise click.BadParameter(f"{code!r} is not a code; `meshsplit explain` lists them")
    return codes


@click.command("lint")
@input_options
@click.option(
    "--fail-on",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.ERROR.value,
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@click.option(
    "--ignore",
    "ignored",
    metavar="CODE",
    multiple=True,
    callback=_to_codes,
    help="A code not to report; repeatable.",
)
@output_options(FORMATS)
@click.pass_context
def lint_command(
    context: click.Context,
    inputs: Inputs,
    fail_on: str,
    ignored: tuple[str, ...],
    output: Output,
) -> None:
    """Find mistakes in manifests.

    FILES are manifests, folders of them, or - for standard input. A comment `# meshsplit: ignore[MSP403]` on
    the line above, or the annotation meshsplit.dev/ignore, silences a code at one place.

    Exit codes: 0 nothing at or above --fail-on, 1 something, 2 could not read the input.
    """
    checked = check(inputs)
    located = checked.unsilenced(ignored)
    if partial := say_partial(checked.live, inputs.named_namespace):
        output.say(partial)
    limit = Severity(fail_on)
    _write(checked, located, limit, output)
    if output.format in {"text", "github"}:
        _conclude(checked, located, output, f"{program_of(context)} render {inputs}", program_of(context))
    failed = any(each.severity.rank >= limit.rank for each in located)
    context.exit(ExitCode.NO if failed else ExitCode.YES)


def _write(checked: Checked, located: tuple[Located, ...], limit: Severity, output: Output) -> None:
    if output.format in {"json", "yaml"}:
        output.report("LintReport", to_report(checked, located))
    elif output.format == "sarif":
        output.answer(to_json(to_sarif(located)))
    elif output.format == "junit":
        output.answer(to_junit(located, checked.files, limit))
    elif located:
        text = to_text(located, output.stdout) + "\n"
        output.answer(to_github(located) if output.format == "github" else text)


def _conclude(
    checked: Checked, located: tuple[Located, ...], output: Output, following: str, program: str
) -> None:
    """The closing lines; beside machine-read annotations they are messages and go to stderr."""
    write = output.say if output.format == "github" else output.answer
    write(to_summary(checked.count(located)))
    write(next_to_explain(located, program) if located else f"Next: {following}")


def to_report(checked: Checked, located: tuple[Located, ...]) -> dict[str, Any]:
    """The body of a LintReport."""
    counts = checked.count(located)
    return {
        "findings": [_to_entry(each) for each in located],
        "summary": {
            "documents": counts.documents,
            "live": counts.live,
            "groups": counts.groups,
            "errors": counts.errors,
            "warnings": counts.warnings,
            "notes": counts.notes,
        },
    }


def _to_entry(located: Located) -> dict[str, Any]:
    finding, position = located.finding, located.position
    ref = finding.object
    return {
        "code": finding.code,
        "severity": located.severity.value,
        "message": finding.message,
        "object": None if ref is None else {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name},
        "file": None if position is None else position.file,
        "line": None if position is None else position.line,
        "column": None if position is None else position.column,
        "fix": finding.fix,
    }
