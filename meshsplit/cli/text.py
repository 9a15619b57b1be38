"""Findings as text for people."""

from collections.abc import Iterable, Sequence

from meshsplit.cli.findings import Counts, Located
from meshsplit.cli.terminal import Style, visible
from meshsplit.diagnostics import Position


def to_text(located: Iterable[Located], style: Style) -> str:
    """All findings, a blank line between them; empty when there are none."""
    return "\n\n".join("\n".join(_lines(each, style)) for each in located)


def _lines(located: Located, style: Style) -> list[str]:
    finding = located.finding
    where = _where(located)
    lines = [
        f"{where}{style.severity(located.severity)} {style.strong(finding.code)} {visible(finding.message)}"
    ]
    lines += _related_lines(located, style)
    lines += [f"  {visible(detail)}" for detail in finding.details]
    if finding.fix:
        lines.append(f"  fix: {visible(finding.fix)}")
    return lines


def _where(located: Located) -> str:
    if located.position is not None:
        position = located.position
        return f"{visible(position.file)}:{position.line}:{position.column}: "
    return f"{visible(str(located.finding.object))}: " if located.finding.object is not None else ""


def _related_lines(located: Located, style: Style) -> list[str]:
    texts = [visible(related.text) for related, _ in located.related]
    width = max(map(len, texts), default=0)
    return [
        f"    {text.ljust(width)}   {style.faint(_file_and_line(position, str(related.object)))}"
        for text, (related, position) in zip(texts, located.related, strict=True)
    ]


def _file_and_line(position: Position | None, otherwise: str) -> str:
    return visible(f"{position.file}:{position.line}" if position is not None else otherwise)


def to_summary(counts: Counts) -> str:
    """The closing line of a check."""
    parts = [
        _number(counts.errors, "error"),
        _number(counts.warnings, "warning"),
        _number(counts.notes, "note"),
    ]
    live = f" and {_number(counts.live, 'object')} of the cluster" if counts.live else ""
    checked = (
        f"Checked {_number(counts.documents, 'document')} in {_number(counts.files, 'file')}{live}, "
        f"{_number(counts.groups, 'group')}: "
    )
    return checked + ", ".join(parts) + "."


def _number(amount: int, noun: str) -> str:
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def next_to_explain(located: Sequence[Located], program: str) -> str:
    """The line that names the command explaining the first of the gravest findings."""
    gravest = max(located, key=lambda each: each.severity.rank)
    return f"Explain one: {program} explain {gravest.finding.code}"
