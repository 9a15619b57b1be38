"""Findings as GitHub workflow commands: annotations on the lines of a pull request."""

from collections.abc import Iterable

from meshsplit.cli.findings import Located
from meshsplit.diagnostics import Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def to_github(located: Iterable[Located]) -> str:
    """One command a line, escaped as GitHub's runner expects (actions/toolkit, core/src/command.ts)."""
    return "\n".join(_command(each) for each in located)


def _command(located: Located) -> str:
    finding, position = located.finding, located.position
    properties = ""
    if position is not None:
        properties = f" file={_property(position.file)},line={position.line},col={position.column}"
    text = "\n".join([f"{finding.code} {finding.message}", *finding.details])
    if finding.fix:
        text += f"\nfix: {finding.fix}"
    return f"::{_COMMANDS[located.severity]}{properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
