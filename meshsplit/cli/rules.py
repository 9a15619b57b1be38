"""One rule of the table as text and as a report."""

from collections.abc import Iterable
from itertools import takewhile
from textwrap import indent, wrap
from typing import Any

from meshsplit.cli.terminal import Style
from meshsplit.diagnostics import RULES, Rule
from meshsplit.diagnostics.page import RESERVED, how_to_silence, sections

# Prose wider than this is hard to read; most titles are shorter than theirs.
WIDTH = 100
TITLE_WIDTH = 60


def to_rule_text(rule: Rule, style: Style) -> str:
    """The page of one code."""
    title = f"{rule.code}  {rule.title}"
    lines = [f"{style.strong(title.ljust(TITLE_WIDTH))}   {rule.severity}, since {rule.since}"]
    if not rule.raised:
        lines.append(RESERVED)
    for heading, prose in sections(rule):
        lines += [style.strong(heading), *_paragraph(prose)]
    lines += [style.strong("How to silence"), *(f"  {line}" for line in how_to_silence(rule))]
    if rule.example:
        lines += [style.strong("Example"), indent(rule.example.rstrip("\n"), "  ")]
    return "\n".join([*lines, f"docs/codes.md#{rule.code}"])


def _paragraph(prose: str) -> list[str]:
    return wrap(prose, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def to_rule_report(rule: Rule) -> dict[str, Any]:
    """The same page as data."""
    return {
        "code": rule.code,
        "severity": rule.severity.value,
        "since": rule.since,
        "raised": rule.raised,
        "title": rule.title,
        "why": rule.why,
        "does": rule.does,
        "fix": rule.fix,
        "example": rule.example,
    }


def to_rules_text(rules: Iterable[Rule]) -> str:
    """The table: code, severity, title."""
    return "\n".join(
        f"{rule.code}  {rule.severity.ljust(7)}  {rule.title}" + ("" if rule.raised else " (reserved)")
        for rule in rules
    )


def find_near_codes(code: str) -> list[str]:
    """The three codes that begin most like `code`, the nearest numbers first."""
    number = int(code.removeprefix("MSP") or 0)
    return sorted(RULES, key=lambda other: (-_shared(code, other), abs(int(other[3:]) - number)))[:3]


def _shared(one: str, other: str) -> int:
    """How many characters the two begin with in common."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return len(list(same))
