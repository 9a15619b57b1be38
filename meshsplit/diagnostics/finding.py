"""A finding: one diagnostic about one object, as a value."""

from dataclasses import dataclass
from typing import NamedTuple

from meshsplit.diagnostics.catalogue import RULES
from meshsplit.diagnostics.rule import Severity

FieldPath = tuple[str | int, ...]
"""Keys and list indices from an object's root to a field, e.g. ("spec", "members", 0, "weight")."""


class ObjectRef(NamedTuple):
    """A Kubernetes object by kind, namespace ("" when cluster-scoped) and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Related:
    """Another field that takes part in a finding, with what it contributes (one short line)."""

    text: str
    object: ObjectRef
    path: FieldPath = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic: what was found (`message`), where, and what to do (`fix`).

    `path` is the offending field inside `object`. `position` is set by a reader that knows the place but has
    no object yet; for all others whoever holds the files resolves it from `object` and `path`.
    """

    code: str
    message: str
    object: ObjectRef | None = None
    path: FieldPath = ()
    fix: str = ""
    details: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    position: Position | None = None


def severity_of(finding: Finding) -> Severity:
    """Severity of the finding's rule; KeyError for a code outside the table is a bug, not bad input."""
    return RULES[finding.code].severity


def finding_order(finding: Finding) -> tuple[str, str, str, str]:
    """Findings are listed by code, then by object, then by field, then by message."""
    return finding.code, str(finding.object), str(finding.path), finding.message
