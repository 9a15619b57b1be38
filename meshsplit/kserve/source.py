"""The source of groups: KServe's InferenceServices, and the ModelSplits about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from meshsplit.diagnostics import Finding, finding_order
from meshsplit.kserve.claims import Claimant
from meshsplit.kserve.decode import Body
from meshsplit.kserve.drafts import make_drafts
from meshsplit.kserve.exposure import Exposure
from meshsplit.kserve.groups import GroupMaker
from meshsplit.kserve.models import ModelMaker, find_strategies
from meshsplit.kserve.namespaces import to_mesh_namespace
from meshsplit.kserve.observed import Observed, observe
from meshsplit.kserve.remarks import remark_on_service
from meshsplit.kserve.runtimes import make_runtimes
from meshsplit.kserve.settlement import settle
from meshsplit.model import Settings, World

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Understanding:
    """The world, and who claims which name and place in it before any claim is settled."""

    world: World
    claimants: tuple[Claimant, ...]


def to_world(bodies: Iterable[Body], settings: Settings) -> World:
    """Understand every object that matters; whatever is wrong with one of them is among the findings.

    The result does not depend on the order of `bodies`, each of which has a string apiVersion, kind,
    metadata.name and, where its kind has one, metadata.namespace. Never raises for bad input.
    """
    return understand(observe(bodies, settings), settings).world


def understand(observed: Observed, settings: Settings) -> Understanding:
    """The same from what was read before, so that it need not be read again."""
    services = observed.live_services()
    namespaces, on_namespaces = _part(to_mesh_namespace(n, settings) for n in observed.namespaces.values())
    exposure = Exposure({mesh.ref.name: mesh for mesh in namespaces}, settings)
    runtimes = make_runtimes(observed.runtimes.values(), observed.malformed)
    drafts, on_drafts = make_drafts(observed)
    group_maker = GroupMaker(exposure, runtimes, observed.malformed)
    groups, on_groups = _part(group_maker.make_group(draft) for draft in drafts)
    model_maker = ModelMaker(exposure, runtimes, find_strategies(groups), observed.malformed)
    models, on_models = _part(model_maker.make_model(service) for service in services)
    settled = settle(drafts, groups, [model for model in models if model is not None], services)
    on_services = [finding for service in services for finding in remark_on_service(service)]
    found = (
        *observed.findings,
        *on_namespaces,
        *on_drafts,
        *on_groups,
        *on_models,
        *on_services,
        *settled.findings,
    )
    unreadable = {service.ref for service in services if model_maker.is_unreadable(service)}
    unreadable |= {ref for ref in observed.malformed if ref.kind == "InferenceService"}
    world = World(
        settled.groups,
        settled.models,
        tuple(sorted(set(found), key=finding_order)),
        frozenset((ref.namespace, ref.name) for ref in unreadable),
    )
    return Understanding(world, settled.claimants)


def _part(pairs: Iterable[tuple[_Value, Sequence[Finding]]]) -> tuple[list[_Value], list[Finding]]:
    """Values on one side, all their findings on the other."""
    listed = list(pairs)
    return [value for value, _ in listed], [finding for _, found in listed for finding in found]
