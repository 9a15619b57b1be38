"""The versions of a DistributedInferenceService as members of a group, which a ModelSplit may list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.diagnostics import ObjectRef
from meshsplit.disvc import names
from meshsplit.disvc.capacity import to_capacity
from meshsplit.disvc.objects import SERVICE
from meshsplit.kserve.keys import MODEL_NAME_ARGUMENT
from meshsplit.kserve.objects import Identity, InferenceService
from meshsplit.model import DeploymentMode, Endpoint

if TYPE_CHECKING:
    from meshsplit.disvc.objects import Children, Disvc

_PORT = 80
_GRPC = "grpc"
_PROTOCOLS = {_GRPC: "grpc-v2"}
"""KServe's protocol version by the name of a Service's port."""


def find_members(disvc: Disvc, children: Children) -> list[InferenceService]:
    """Every version as a member of a group: its Service answers, under the same served name as all others."""
    needed, found = to_capacity(disvc.spec).needed, []
    revisions = {each.version: each.template for each in disvc.status.versions}
    for number in sorted(children.versions()):
        name = names.version_name(disvc.name, number)
        service = children.get(SERVICE, name)
        if service is None:
            continue
        ready = sum(child.ready is True for child in children.replicas(number))
        ports = service.body["spec"].get("ports") or [{}]
        member = InferenceService(
            identity=Identity("v1", ObjectRef("InferenceService", disvc.namespace, name)),
            deleting=service.deleting,
            revision=revisions.get(number, ""),
            tag=None,
            tag_annotation=None,
            percent=None,
            mode=DeploymentMode.STANDARD,
            runtime=None,
            model_format=None,
            protocol=_PROTOCOLS.get(ports[0].get("name")),
            args=(f"{MODEL_NAME_ARGUMENT}={disvc.name}",),
            mlserver_name=None,
            transformer_args=None,
            has_canary=False,
            revision_percent=None,
            address=Endpoint(names.service_host(name, disvc.namespace), _PORT),
            ready=ready >= max(needed, 1),
        )
        found.append(member)
    return found
