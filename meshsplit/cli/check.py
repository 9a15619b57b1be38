"""`meshsplit check`: is this cluster ready for meshsplit?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.doctor import istio, kserve, metrics, platform, webhooks
from meshsplit.cli.doctor.verdict import Check, Level, Patient, Verdict, run_check
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.terminal import Style, visible
from meshsplit.controller.options import LEASE_NAMESPACE

CHECKS: Mapping[str, Sequence[Check]] = {
    "cluster": (platform.check_kubernetes,),
    "meshsplit": (platform.check_crd, platform.check_controller, platform.check_splits),
    "istio": (istio.check_api, istio.check_istiod, istio.check_gateways, istio.check_ambient),
    "kserve": (kserve.check_api, kserve.check_restarts),
    "metrics": (metrics.check_series,),
    "webhooks": (webhooks.check_secrets,),
}
"""By section, in order of answering."""

_ICONS = {Level.OK: "✔", Level.WARNING: "‼", Level.FAILURE: "✖", Level.UNKNOWN: "?"}
_INDENT = "      "

Sections = Mapping[str, Sequence[Verdict]]


@click.command("check")
@live_namespace_option
@click.option(
    "--system-namespace",
    default=LEASE_NAMESPACE,
    show_default=True,
    help="Where the controller and its Lease are.",
)
@click.option(
    "--prometheus",
    metavar="URL",
    default="",
    help="Where to reach from here what ModelSplits name, such as a port that is forwarded.",
)
@connection_options
@output_options(["text", "json", "yaml"])
@click.pass_context
def check_command(
    context: click.Context,
    namespace: str | None,
    system_namespace: str,
    prometheus: str,
    connection: Connection,
    output: Output,
) -> None:
    """Check what meshsplit needs of a cluster; it only reads.

    All namespaces are looked at unless -n names one. What you may not read is said to be unknown.

    Exit codes: 0 no failure, 1 a failure, 2 the cluster could not be read.
    """
    patient = Patient(connection.open(namespace), namespace or "", system_namespace, prometheus)
    sections = examine(patient)
    counts = Counter(verdict.level for verdicts in sections.values() for verdict in verdicts)
    if output.format == "text":
        output.answer(to_text(sections, output.stdout))
        output.answer(f"Result: {to_summary(counts)}")
        output.answer(f"Next: {program_of(context)} {_next(sections, namespace, patient.cluster.flags)}")
    else:
        output.report("CheckReport", to_report(sections, counts))
    context.exit(ExitCode.NO if counts[Level.FAILURE] else ExitCode.YES)


def examine(patient: Patient) -> Sections:
    """Run every check; what several of them stumble over is told once, where it was met first."""
    told: set[Verdict] = set()
    sections: dict[str, list[Verdict]] = {}
    for name, checks in CHECKS.items():
        found = [verdict for check in checks for verdict in run_check(check, patient)]
        sections[name] = [verdict for verdict in dict.fromkeys(found) if verdict not in told]
        told.update(found)
    return sections


def to_text(sections: Sections, style: Style) -> str:
    """Every verdict below the name of its section."""
    lines = []
    for name, verdicts in sections.items():
        lines += [style.strong(name)] if verdicts else []
        for verdict in verdicts:
            lines.append(f"  {_mark(verdict.level, style)} {visible(verdict.text)}")
            lines += [f"{_INDENT}fix: {visible(verdict.fix)}"] if verdict.fix else []
            lines += [f"{_INDENT}see docs/codes.md#{verdict.code}"] if verdict.code else []
    return "\n".join(lines)


def _mark(level: Level, style: Style) -> str:
    """The icon, and the word unless all is well."""
    if level is Level.OK:
        return style.good(_ICONS[level])
    paint = style.bad if level is Level.FAILURE else style.doubtful
    return paint(f"{_ICONS[level]} {level}:")


def to_summary(counts: Mapping[Level, int]) -> str:
    """How many of each, without those that are none."""
    words = ((Level.FAILURE, "failure"), (Level.WARNING, "warning"), (Level.UNKNOWN, "unknown"))
    parts = [f"{counts[level]} {_plural(word, counts[level])}" for level, word in words if counts.get(level)]
    return ", ".join(parts) or f"all {counts.get(Level.OK, 0)} checks passed"


def to_report(sections: Sections, counts: Mapping[Level, int]) -> dict[str, Any]:
    """The body of a CheckReport."""
    return {
        "checks": [
            {
                "section": name,
                "level": verdict.level.value,
                "text": verdict.text,
                "fix": verdict.fix or None,
                "code": verdict.code or None,
            }
            for name, verdicts in sections.items()
            for verdict in verdicts
        ],
        "summary": {level.value: counts.get(level, 0) for level in Level},
    }


def _plural(word: str, amount: int) -> str:
    return word if amount == 1 or word == "unknown" else f"{word}s"


def _next(sections: Sections, namespace: str | None, flags: str) -> str:
    """What explains the gravest verdict, else the look at what is served."""
    where = f"-n {namespace}" if namespace else "-A"
    verdicts = [verdict for each in sections.values() for verdict in each]
    for level in (Level.FAILURE, Level.WARNING):
        graver = [verdict for verdict in verdicts if verdict.level is level]
        if graver:
            codes = [verdict.code for verdict in graver if verdict.code]
            if codes:
                return f"explain {codes[0]}"
            if level is Level.FAILURE:
                again = f" -n {namespace}" if namespace else ""
                return f"check{again}{flags}    # after the fix"
    return f"get {where}{flags}"
