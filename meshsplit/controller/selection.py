"""Of a translation what belongs to one key: its objects, its group's outcome, and what may be deleted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meshsplit.controller.live import from_status
from meshsplit.controller.report import about
from meshsplit.istio import names
from meshsplit.istio.observed import annotation_of, label_of

if TYPE_CHECKING:
    from meshsplit.controller.cache import View
    from meshsplit.controller.live import Body, LiveRoute, LiveSplit
    from meshsplit.diagnostics import Finding
    from meshsplit.model import GroupKey, ObjectIdentity, Outcome, Split, Translation, World


@dataclass(frozen=True, slots=True)
class Selection:
    """What one pass over a key is to bring about.

    `outcome` is None when there is no group of that name. `findings` are all that were found around it.
    """

    objects: tuple[Body, ...]
    outcome: Outcome | None
    findings: tuple[Finding, ...]
    surplus: tuple[LiveRoute, ...]

    @property
    def group_findings(self) -> tuple[Finding, ...]:
        """Those that concern the group."""
        return about(self.outcome.group, self.findings) if self.outcome is not None else ()


def narrow(world: World, key: GroupKey) -> World:
    """The same world with only the group and the model of `key` in it."""
    return replace(
        world,
        groups=tuple(group for group in world.groups if group.key == key),
        models=tuple(model for model in world.models if _is_of(model.namespace, model.name, key)),
    )


def select(translation: Translation, world: World, view: View) -> Selection:
    """What of `translation`, made of the narrowed world, is to be written and what deleted."""
    key = view.key
    outcome = next((each for each in translation.outcomes if each.group.key == key), None)
    return Selection(
        objects=tuple(body for body in translation.objects if is_for(body, key)),
        outcome=outcome,
        findings=translation.findings,
        surplus=tuple(_find_surplus(outcome, translation.untouched, world, view)),
    )


def is_for(body: Body, key: GroupKey) -> bool:
    """Whether a generated object holds the routes of the key's group or model."""
    if body["metadata"]["namespace"] != key.namespace:
        return False
    return key.name in (annotation_of(body, names.MODEL_TAG), label_of(body, names.INFERENCESERVICE_NAME))


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
    outcome: Outcome | None, untouched: frozenset[ObjectIdentity], world: World, view: View
) -> list[LiveRoute]:
    """Routes of ours to nothing; a group that is held keeps what it has, even when nothing is written."""
    name = view.key.name
    models = {("VirtualService", model.namespace, model.name) for model in world.models}
    gone = outcome is None or outcome.group.withdrawn is not None
    of_group = view.group_route if gone else None
    of_model = view.route(name)
    surplus = []
    if of_group is not None and _is_ours(of_group, of_group.group == name):
        surplus += [of_group] * (of_group.identity not in models | untouched)
    if of_model is not None and _is_ours(of_model, of_model.model == name):
        surplus += [of_model] * (of_model.identity not in models | untouched | _group_names(world))
    return surplus


def _is_ours(route: LiveRoute, marked: bool) -> bool:
    """Whether we made it for the key, or made it and somebody took the marks off."""
    return route.made_here and (marked or (route.group is None and route.model is None))


def _group_names(world: World) -> set[ObjectIdentity]:
    return {
        ("VirtualService", group.key.namespace, names.splitting_name(group.key.name))
        for group in world.groups
        if group.withdrawn is None and group.refused is None
    }


def _is_of(namespace: str, name: str, key: GroupKey) -> bool:
    return (namespace, name) == (key.namespace, key.name)
