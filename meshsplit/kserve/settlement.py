"""Groups and models that were understood one by one, once they have met."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meshsplit.diagnostics import Finding
from meshsplit.kserve.claims import GROUP, MODEL, Claimant, Key, Loss, Lost, apply_to_group, apply_to_model
from meshsplit.kserve.collisions import find_name_collisions
from meshsplit.kserve.drafts import Draft, age_of
from meshsplit.kserve.objects import InferenceService
from meshsplit.kserve.places import find_shared_names, find_taken_grpc_keys, find_taken_places
from meshsplit.model import Group, Model, Protocol

_UNUSABLE_NAME = "MSP214"


@dataclass(frozen=True, slots=True)
class Settlement:
    """Groups by key and models by (namespace, name), as they are after all collisions of `claimants`."""

    groups: tuple[Group, ...]
    models: tuple[Model, ...]
    findings: tuple[Finding, ...]
    claimants: tuple[Claimant, ...]


def settle(
    drafts: Sequence[Draft],
    groups: Sequence[Group],
    models: Sequence[Model],
    services: Sequence[InferenceService],
) -> Settlement:
    """Find every collision and take from the younger what the older keeps; `drafts` are those of `groups`."""
    by_key: dict[Key, list[Loss]] = defaultdict(list)
    grouped = [
        _group_claimant(draft, group)
        for draft, group in zip(drafts, groups, strict=True)
        if group.refused is None or group.refused.code != _UNUSABLE_NAME
    ]
    by_name = {(service.namespace, service.name): service for service in services}
    exposed = [_model_claimant(model, by_name[model.namespace, model.name]) for model in models]
    losses = _find_losses(grouped, exposed, services)
    for loss in losses:
        by_key[loss.key].append(loss)
    settled = [apply_to_group(g, by_key[GROUP, g.key.namespace, g.key.name]) for g in groups]
    kept = [apply_to_model(m, by_key[MODEL, m.namespace, m.name]) for m in models]
    return Settlement(
        groups=tuple(sorted(settled, key=lambda group: group.key)),
        models=tuple(sorted((m for m in kept if m is not None), key=lambda m: (m.namespace, m.name))),
        findings=tuple(loss.finding for loss in losses),
        claimants=(*grouped, *exposed),
    )


def _find_losses(
    grouped: Sequence[Claimant], exposed: Sequence[Claimant], services: Sequence[InferenceService]
) -> list[Loss]:
    by_ref = {service.ref: service for service in services}
    names = [loss for group in grouped for loss in find_name_collisions(group, by_ref)]
    claimants = _oldest_first([*_without(names, exposed), *grouped])
    places = list(find_taken_places(claimants))
    grpc = list(find_taken_grpc_keys(_without(places, claimants)))
    return [*names, *find_shared_names(_oldest_first(grouped)), *places, *grpc]


def _oldest_first(claimants: Iterable[Claimant]) -> list[Claimant]:
    return sorted(claimants, key=lambda claimant: claimant.order)


def _without(losses: Sequence[Loss], claimants: Sequence[Claimant]) -> list[Claimant]:
    """The claimants that did not lose everything."""
    gone = {loss.key for loss in losses if loss.what is Lost.EVERYTHING}
    return [claimant for claimant in claimants if claimant.key not in gone]


def _group_claimant(draft: Draft, group: Group) -> Claimant:
    """A withdrawn group claims its name, but no place."""
    return Claimant(
        key=(GROUP, group.key.namespace, group.key.name),
        age=draft.age,
        site=draft.site,
        routing=group.routing if group.withdrawn is None else None,
        grpc=Protocol.GRPC in group.routing.protocols,
    )


def _model_claimant(model: Model, service: InferenceService) -> Claimant:
    return Claimant(
        key=(MODEL, model.namespace, model.name),
        age=age_of(service.identity),
        site=(service.ref, ("metadata", "name")),
        routing=model.routing,
        grpc=model.grpc is not None,
    )
