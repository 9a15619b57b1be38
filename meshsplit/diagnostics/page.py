"""The page of one rule, as `explain` and docs/codes.md show it: headings, and what is the same for all."""

from meshsplit.diagnostics.rule import Rule, Severity

RESERVED = "Reserved: no check of this version raises it."

_ABOUT_TEXT = frozenset({"MSP001", "MSP002", "MSP003", "MSP004", "MSP005"})
"""Rules about text that is no object, so that there is nothing to annotate."""


def sections(rule: Rule) -> tuple[tuple[str, str], ...]:
    """The prose of a rule: headings and their paragraph."""
    return (("Why it matters", rule.why), ("What meshsplit does", rule.does), ("How to fix", rule.fix))


def how_to_silence(rule: Rule) -> tuple[str, ...]:
    """The ways to silence a rule, one a line, and what silencing an error does not do."""
    ways = [(f"# meshsplit: ignore[{rule.code}]", "comment on the line above")]
    if rule.code not in _ABOUT_TEXT:
        ways.append((f"meshsplit.dev/ignore: {rule.code}", "annotation on the object"))
    ways.append((f"--ignore {rule.code}", "for one run of lint"))
    width = max(len(way) for way, _ in ways)
    lines = tuple(f"{way.ljust(width)}   {where}" for way, where in ways)
    if rule.severity is Severity.ERROR:
        return (*lines, "Silencing changes what is reported, not what is done.")
    return lines
