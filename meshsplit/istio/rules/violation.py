"""What a rule says about an object: the field and why Istio would refuse it."""

from dataclasses import dataclass

from meshsplit.diagnostics import FieldPath


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule; `path` leads from the object's root to the field."""

    path: FieldPath
    message: str
