"""The pure middle: observed objects in, Istio objects out. The one place that lists sources and sinks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from meshsplit.diagnostics import finding_order
from meshsplit.istio.sink import to_istio
from meshsplit.kserve.source import to_world
from meshsplit.model import (
    Expression,
    GroupKey,
    ObjectIdentity,
    Outcome,
    Settings,
    Split,
    Translation,
    World,
)
from meshsplit.rollout.targets import Weights, decide_splits

Body = Mapping[str, Any]
Source = Callable[[Iterable[Body], Settings], World]
Accepted = Callable[[Body], bool]
"""Whether a server is known to hold an object as it is, so that its rules need not be checked again."""
Sink = Callable[[Sequence[Outcome], World, Sequence[Body], Settings, Accepted], Expression]

SOURCES: tuple[Source, ...] = (to_world,)
SINKS: tuple[Sink, ...] = (to_istio,)


def translate(
    bodies: Iterable[Body],
    settings: Settings,
    current: Mapping[GroupKey, Split] | None = None,
    weights: Weights = "start",
) -> Translation:
    """Understand `bodies`, choose each group's split given the `current` ones, and write the objects.

    The result does not depend on the order of `bodies`. Never raises for bad input: what is wrong is among
    the findings, and whatever does not depend on it is written all the same.
    """
    observed = tuple(bodies)
    world = _merge([source(observed, settings) for source in SOURCES])
    return express(world, decide_splits(world.groups, current or {}, weights), observed, settings)


def express(
    world: World,
    outcomes: Sequence[Outcome],
    bodies: Iterable[Body],
    settings: Settings,
    accepted: Accepted = lambda _: False,
) -> Translation:
    """The last part of `translate`: what was decided as objects.

    Of `bodies` only what written objects may collide with is looked at.
    """
    observed = tuple(bodies)
    written = [sink(outcomes, world, observed, settings, accepted) for sink in SINKS]
    found = [*world.findings, *(finding for outcome in outcomes for finding in outcome.findings)]
    found += [finding for each in written for finding in each.findings]
    return Translation(
        objects=tuple(sorted((o for each in written for o in each.objects), key=identity_of)),
        outcomes=tuple(outcomes),
        models=world.models,
        findings=tuple(sorted(found, key=finding_order)),
        untouched=frozenset().union(*(each.untouched for each in written)),
    )


def _merge(worlds: Sequence[World]) -> World:
    return World(
        groups=tuple(sorted((g for world in worlds for g in world.groups), key=lambda g: g.key)),
        models=tuple(sorted((m for w in worlds for m in w.models), key=lambda m: (m.namespace, m.name))),
        findings=tuple(finding for world in worlds for finding in world.findings),
        unreadable_models=frozenset().union(*(world.unreadable_models for world in worlds)),
    )


def identity_of(body: Body) -> ObjectIdentity:
    """Identity of a namespaced object, and the order in which objects are listed."""
    return body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]
