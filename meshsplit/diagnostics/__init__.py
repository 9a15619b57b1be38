"""What meshsplit says about bad input: one table of rules, and findings that refer to it."""

from meshsplit.diagnostics.catalogue import RULES
from meshsplit.diagnostics.finding import (
    FieldPath,
    Finding,
    ObjectRef,
    Position,
    Related,
    finding_order,
    severity_of,
)
from meshsplit.diagnostics.rule import Rule, Severity

__all__ = [
    "RULES",
    "FieldPath",
    "Finding",
    "ObjectRef",
    "Position",
    "Related",
    "Rule",
    "Severity",
    "finding_order",
    "severity_of",
]
