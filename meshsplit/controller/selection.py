"""Of a translation what belongs to one key: its objects, its group's outcome, and what may be deleted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.controller.live import from_status
from meshsplit.controller.whole import Findings
from meshsplit.diagnostics import ObjectRef, finding_order
from meshsplit.istio import names
from meshsplit.istio.observed import annotation_of, label_of
from meshsplit.model import GroupKey
from meshsplit.translate import identity_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from meshsplit.controller.cache import View
    from meshsplit.controller.live import Body, LiveRoute, LiveSplit
    from meshsplit.controller.step import Step
    from meshsplit.controller.whole import Whole
    from meshsplit.diagnostics import Finding
    from meshsplit.model import ObjectIdentity, Outcome, Split, Translation


@dataclass(frozen=True, slots=True)
class Selection:
    """What one pass over a key is to bring about.

    `stale` are the objects to write, and `surplus` those to delete. `outcome` is None when there is no group
    of that name, `step` when it is not walked. `findings` are those about what belongs to the key.
    """

    stale: tuple[Body, ...]
    outcome: Outcome | None
    step: Step | None
    findings: tuple[Finding, ...]
    surplus: tuple[LiveRoute, ...]


def select(
    translation: Translation,
    steps: Mapping[GroupKey, Step],
    current: Container[ObjectIdentity],
    whole: Whole,
    views: Sequence[View],
) -> list[Selection]:
    """What of `translation`, made of a world narrowed to the views' keys, belongs to each of them.

    `steps` are those of the groups that are walked, `current` objects that are there as they should be.
    """
    written = Findings(translation.findings)
    stale: defaultdict[GroupKey, list[Body]] = defaultdict(list)
    for body in translation.objects:
        if identity_of(body) not in current:
            stale[key_of_object(body)].append(body)
    outcomes = {outcome.group.key: outcome for outcome in translation.outcomes}
    return [
        Selection(
            stale=tuple(stale[view.key]),
            outcome=outcomes.get(view.key),
            step=steps.get(view.key),
            findings=_select_findings(view, outcomes.get(view.key), whole.findings, written),
            surplus=tuple(_find_surplus(outcomes.get(view.key), translation.untouched, whole, view)),
        )
        for view in views
    ]


def _select_findings(view: View, outcome: Outcome | None, *found: Findings) -> tuple[Finding, ...]:
    """About the ModelSplits, the members, what is written, and what blocks the group; in their order."""
    about: set[Finding] = set()
    if any(found):
        refs = list(_find_refs(view, outcome))
        about.update(*(findings.about(refs) for findings in found))
    if outcome is not None:
        blocking = outcome.group.withdrawn, outcome.group.refused
        about.update(finding for finding in blocking if finding is not None)
    return tuple(sorted(about, key=finding_order))


def _find_refs(view: View, outcome: Outcome | None) -> Iterator[ObjectRef]:
    namespace, name = view.key
    for split in view.splits:
        yield split.reading.split.ref
    for service in {name, *(member.name for member in outcome.group.members)} if outcome else {name}:
        yield ObjectRef("InferenceService", namespace, service)
    for route in (name, names.splitting_name(name)):
        yield ObjectRef("VirtualService", namespace, route)


def key_of_object(body: Body) -> GroupKey:
    """The key whose group's or model's routes a generated object holds."""
    name = annotation_of(body, names.MODEL_TAG) or label_of(body, names.INFERENCESERVICE_NAME) or ""
    return GroupKey(body["metadata"]["namespace"], name)


def find_current(view: View) -> Split | None:
    """The split that serves: what the VirtualService says unless somebody else wrote it, else the status.

    A VirtualService that was deleted by hand comes back with what it served.
    """
    route = view.group_route
    if route is not None and route.made_here and route.split is not None and not route.edited:
        return route.split
    reported = (from_status(split.status) for split in view.splits if split.has_status)
    return next((split for split in reported if split is not None), route.split if route else None)


def find_followed(splits: tuple[LiveSplit, ...], outcome: Outcome | None) -> LiveSplit | None:
    """The ModelSplit that the group follows, of those that are about it."""
    if outcome is None:
        return None
    group = outcome.group
    blocking = group.refused.object if group.refused is not None else None
    for ref in (group.source, blocking):
        for split in splits:
            if split.reading.split.ref == ref:
                return split
    return splits[0] if len(splits) == 1 else None


def _find_surplus(
    outcome: Outcome | None, untouched: frozenset[ObjectIdentity], whole: Whole, view: View
) -> list[LiveRoute]:
    """Routes of ours to nothing; a group that is held keeps what it has, even when nothing is written.

    One that has lost every member has nothing to keep: what is there leads to models of others.
    """
    name = view.key.name
    gone = outcome is None or outcome.group.withdrawn is not None or not outcome.group.members
    of_group = view.group_route if gone else None
    of_model = view.route(name)
    candidates = [
        (of_group, of_group is not None and of_group.group == name, (whole.models, untouched)),
        (
            of_model,
            of_model is not None and of_model.model == name,
            (whole.models, whole.groups, untouched),
        ),
    ]
    return [
        route
        for route, marked, kept in candidates
        if route is not None and _is_ours(route, marked) and not any(route.identity in each for each in kept)
    ]


def _is_ours(route: LiveRoute, marked: bool) -> bool:
    """Whether we made it for the key, or made it and somebody took the marks off."""
    return route.made_here and (marked or (route.group is None and route.model is None))
