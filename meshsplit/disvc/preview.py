"""DistributedInferenceServices that are only written yet: the first version of each, and what is wrong."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from meshsplit.api.disvc import KIND, DistributedInferenceService, DistributedInferenceServiceSpec, to_disvc
from meshsplit.api.wire import Metadata
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.disvc.canary import CANARY, make_delegating_route, make_split
from meshsplit.disvc.children import (
    Frame,
    find_affinity,
    make_inference_service,
    make_ingress,
    make_route,
    make_rule,
    make_stable_service,
    make_version_service,
)
from meshsplit.disvc.doubts import FIRST, find_doubts
from meshsplit.disvc.hosts import Claim, find_taken_host, make_claim
from meshsplit.disvc.objects import INGRESS, Body
from meshsplit.disvc.revision import to_revision
from meshsplit.disvc.servedname import Served, serve_as
from meshsplit.kserve import keys
from meshsplit.kserve.decode import ref_of, to_identity
from meshsplit.kserve.namespaces import to_mesh_namespace
from meshsplit.kserve.observed import Observed, observe
from meshsplit.model import Owner, Settings

_UNKNOWN = Owner("", "", "", "")
"""Only an object that a server has seen has a uid, by which others name it as their owner."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One of them: the objects of its first version without their owner, and what is wrong with it.

    There are none when it cannot be read, and no `claim`. `unnamed` says why its servers are not told its
    name, "" when they are: what runtimes there are in the cluster need not be known here.
    """

    ref: ObjectRef
    objects: tuple[Body, ...]
    findings: tuple[Finding, ...]
    unnamed: str = ""
    claim: Claim | None = None


def preview_disvcs(bodies: Iterable[Mapping[str, Any]], settings: Settings) -> tuple[Preview, ...]:
    """Every DistributedInferenceService among `bodies`, which also say what gateways and runtimes it has."""
    observed = tuple(bodies)
    asked = [body for body in observed if _is_disvc(body)]
    if not asked:
        return ()
    around = observe(observed, settings)
    previews = sorted((_preview(body, around, settings) for body in asked), key=lambda each: each.ref)
    claims = [each.claim for each in previews if each.claim is not None]
    return tuple(_with_rival(preview, claims) for preview in previews)


def _is_disvc(body: Mapping[str, Any]) -> bool:
    return body["kind"] == KIND and str(body["apiVersion"]).rpartition("/")[0] == keys.KSERVE_GROUP


def _preview(body: Mapping[str, Any], around: Observed, settings: Settings) -> Preview:
    ref = ref_of(body)
    found = to_disvc(body)
    if not isinstance(found, DistributedInferenceService):
        return Preview(ref, (), found)
    spec = found.spec
    served = serve_as(ref.name, spec.template, ref.namespace, tuple(around.runtimes.values()))
    frame = _frame(ref, spec, around, settings)
    objects = tuple(_make_objects(frame, spec, served))
    identity = to_identity(body["apiVersion"], ref, Metadata.model_validate(body["metadata"]))
    claim = make_claim(identity, frame.domain)
    return Preview(ref, objects, find_doubts(ref, spec, served.grpc), served.problem, claim)


def _with_rival(preview: Preview, claims: Iterable[Claim]) -> Preview:
    taken = find_taken_host(preview.claim, claims) if preview.claim is not None else None
    return preview if taken is None else replace(preview, findings=(*preview.findings, taken))


def _frame(
    ref: ObjectRef, spec: DistributedInferenceServiceSpec, around: Observed, settings: Settings
) -> Frame:
    namespace = around.namespaces.get(ObjectRef("Namespace", "", ref.namespace))
    mesh = to_mesh_namespace(namespace, settings)[0] if namespace is not None else None
    own = mesh.gateway if mesh is not None and mesh.mesh_on else None
    return Frame(
        name=ref.name,
        namespace=ref.namespace,
        owner=_UNKNOWN,
        domain=spec.domain or settings.domain,
        gateway=own or settings.gateway,
        istio_api_version=settings.istio_api_version,
    )


def _make_objects(frame: Frame, spec: DistributedInferenceServiceSpec, served: Served) -> Iterator[Body]:
    """In the order in which the controller writes them."""
    revision, affinity = to_revision(spec), find_affinity(frame.name, spec)
    sticky = affinity is not None
    made = [make_version_service(frame, FIRST, revision, served, sticky)]
    if affinity is not None:
        made.append(make_rule(frame, FIRST, affinity))
    made += [
        make_inference_service(frame, FIRST, index, revision, served.template)
        for index in range(spec.replicas)
    ]
    made.append(make_stable_service(frame, revision, served, sticky))
    for body in (*made, *_make_routes(frame, spec)):
        kept = {key: value for key, value in body["metadata"].items() if key != "ownerReferences"}
        yield {**body, "metadata": kept}


def _make_routes(frame: Frame, spec: DistributedInferenceServiceSpec) -> Iterator[Body]:
    strategy = spec.deployment_strategy
    if strategy is not None and strategy.type == CANARY:
        yield make_split(frame, FIRST, None, strategy, find_affinity(frame.name, spec))
        yield make_delegating_route(frame)
    else:
        yield make_ingress(frame, FIRST) if spec.exposure == INGRESS else make_route(frame, FIRST)
