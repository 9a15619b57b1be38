"""What came of one pass over the input: an outcome for every group, objects to write, findings."""

from dataclasses import dataclass
from typing import Any

from meshsplit.diagnostics import Finding
from meshsplit.model.groups import Group, GroupKey, Model, Split
from meshsplit.model.routes import Diversion, Shadow


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one group: the split it is given (None: no routes), and what was found on the way.

    `diversion` and `shadow` are what happens beside the split.
    """

    group: Group
    split: Split | None
    findings: tuple[Finding, ...] = ()
    diversion: Diversion | None = None
    shadow: Shadow | None = None


ObjectIdentity = tuple[str, str, str]
"""(kind, namespace, name) of a generated object."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What a sink wrote, in no order of its own: objects, and findings about them.

    `untouched` are objects that are not written because their input could not be read: where they exist, they
    stay as they are.
    """

    objects: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    untouched: frozenset[ObjectIdentity] = frozenset()


@dataclass(frozen=True, slots=True)
class Translation:
    """The result of one pure pass: objects to apply, the outcome of every group, everything found.

    Objects of ours that are neither in `objects` nor `untouched` are to be deleted.
    """

    objects: tuple[dict[str, Any], ...]
    outcomes: tuple[Outcome, ...]
    models: tuple[Model, ...]
    findings: tuple[Finding, ...]
    untouched: frozenset[ObjectIdentity]

    @property
    def splits(self) -> dict[GroupKey, Split]:
        """The split of every group that has one: the `current` of the next pass."""
        return {o.group.key: o.split for o in self.outcomes if o.split is not None}
