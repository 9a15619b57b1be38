"""Names of groups that are also names of InferenceServices in their namespace."""

from collections.abc import Iterator, Mapping

from meshsplit.diagnostics import ObjectRef, Related
from meshsplit.kserve.claims import MODEL, Claimant, Loss, Lost
from meshsplit.kserve.drafts import age_of
from meshsplit.kserve.objects import InferenceService

_SUFFIX = "-splitting"
"""A group's VirtualService is called after the group with this appended."""


def find_name_collisions(group: Claimant, services: Mapping[ObjectRef, InferenceService]) -> Iterator[Loss]:
    """MSP203 for a tag that is an InferenceService's name, MSP212 for a clash of VirtualServices' names."""
    namesake = services.get(ObjectRef("InferenceService", group.namespace, group.name))
    if namesake is not None:
        yield group.lose(
            Lost.EVERYTHING,
            "MSP203",
            f'model-tag "{group.name}" is also the name of an InferenceService; '
            f"requests to /v2/models/{group.name} would match both the group and the model",
            f'rename the tag, for example "{group.name}-group"',
            Related("the InferenceService of that name", namesake.ref, ("metadata", "name")),
        )
    clashing = services.get(ObjectRef("InferenceService", group.namespace, group.name + _SUFFIX))
    if clashing is not None:
        yield _lose_virtual_service(group, clashing)


def _lose_virtual_service(group: Claimant, service: InferenceService) -> Loss:
    site = (service.ref, ("metadata", "name"))
    model = Claimant(
        (MODEL, service.namespace, service.name), age_of(service.identity), site, None, grpc=False
    )
    older, younger = sorted((group, model), key=lambda claimant: claimant.order)
    return younger.lose(
        Lost.EVERYTHING,
        "MSP212",
        f"the VirtualService of group {group.name} and that of InferenceService {service.name} would both be "
        f"called {service.name}; {older} keeps the name",
        f"rename the {younger.key[0]} {younger.name}",
        older,
    )
