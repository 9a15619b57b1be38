"""The shape of one rule in the table that lint, `explain` and docs/codes.md share."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; errors stop a group from changing, notes never do."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for a note, 2 for an error: what `--fail-on` compares."""
        return {"note": 0, "warning": 1, "error": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Rule:
    """One diagnostic code; numbers are never reused and ranges never change.

    `raised` is False for a code that is defined and reserved but that no check of this version raises.
    """

    code: str
    severity: Severity
    title: str
    why: str
    does: str
    fix: str
    example: str = ""
    since: str = "0.1"
    raised: bool = True
