"""What is legal and still worth a word: notes and warnings about the members of a group."""

from collections.abc import Iterator, Sequence

from meshsplit.diagnostics import FieldPath, Finding, Related
from meshsplit.kserve import keys
from meshsplit.kserve.drafts import Draft
from meshsplit.kserve.objects import InferenceService
from meshsplit.kserve.weights import PATH
from meshsplit.model import DeploymentMode, Group

_MODEL = ("spec", "predictor", "model")


def remark_on_group(draft: Draft, group: Group) -> Iterator[Finding]:
    """MSP205, MSP207, MSP213, MSP701 and MSP702, where they apply."""
    yield from _differing_payloads(draft)
    yield from _differing_names(group, draft.members)
    yield from _differing_modes(draft)
    for member in draft.members:
        if draft.request is None or not draft.request.from_spec:
            yield from _restarting_edit(member)
        yield from _revision_canary(member)


def remark_on_service(service: InferenceService) -> Iterator[Finding]:
    """MSP704: both kinds of percentage on one InferenceService."""
    if service.revision_percent is None or service.percent is None:
        return
    yield Finding(
        "MSP704",
        f"canaryTrafficPercent is {service.revision_percent} in spec.predictor, the share of the newest "
        f"revision, and also an annotation, the share of {service.name} in its group",
        service.ref,
        ("spec", "predictor", "canaryTrafficPercent"),
        fix="remove spec.predictor.canaryTrafficPercent; meshsplit reads only the annotation",
    )


def _differing_payloads(draft: Draft) -> Iterator[Finding]:
    formats = [(m, m.model_format.name) for m in draft.members if m.model_format is not None]
    protocols = [(m, m.protocol) for m in draft.members if m.protocol is not None]
    for what, declared in (("model formats", formats), ("protocols", protocols)):
        odd = next((m for m, value in declared if value != declared[0][1]), None)
        if odd is None:
            continue
        said = ", ".join(f"{member.name} {value}" for member, value in declared)
        yield Finding(
            "MSP205",
            f"members of group {draft.key.name} declare different {what}: {said}",
            odd.ref,
            _format_path(odd) if what == "model formats" else (*_MODEL, "protocolVersion"),
            fix="make sure that every member accepts the same payload",
        )


def _format_path(service: InferenceService) -> FieldPath:
    return service.model_format.path if service.model_format is not None else ("spec", "predictor")


def _differing_names(group: Group, services: Sequence[InferenceService]) -> Iterator[Finding]:
    own = [
        (member, service)
        for member, service in zip(group.members, services, strict=True)
        if member.mode is not DeploymentMode.MODEL_MESH
    ]
    names = sorted({member.served_name for member, _ in own})
    if not group.routing.own_host or len(names) < 2:
        return
    yield Finding(
        "MSP207",
        f"members of group {group.key.name} have no shared served model name ({', '.join(names)}); OpenAI "
        "and gRPC requests name the model in the body and cannot be rewritten",
        own[-1][1].ref,
        ("spec", "predictor"),
        fix=f"start every member with {keys.MODEL_NAME_ARGUMENT}={group.key.name}",
        related=tuple(
            Related(f"{member.name} serves {member.served_name}", service.ref, ("spec", "predictor"))
            for member, service in own
        ),
    )


def _differing_modes(draft: Draft) -> Iterator[Finding]:
    odd = next((member for member in draft.members if member.mode is not draft.members[0].mode), None)
    if odd is None:
        return
    said = ", ".join(f"{member.name} {member.mode}" for member in draft.members)
    yield Finding(
        "MSP213",
        f"members of group {draft.key.name} have different deployment modes: {said}",
        odd.ref,
        keys.annotation(keys.DEPLOYMENT_MODE),
        fix="nothing, if that is meant: each member is reached at its own backend",
    )


def _restarting_edit(member: InferenceService) -> Iterator[Finding]:
    if member.mode is not DeploymentMode.STANDARD or member.percent is None:
        return
    yield Finding(
        "MSP701",
        f"{member.name} runs in Standard mode, where KServe copies this annotation to its pods: "
        "editing it restarts the model server",
        member.ref,
        PATH,
        fix=f"add {keys.PERCENT} to KServe's serviceAnnotationDisallowedList, "
        "or keep the weights in a ModelSplit with weightsFrom: Spec",
    )


def _revision_canary(member: InferenceService) -> Iterator[Finding]:
    if not member.has_canary:
        return
    yield Finding(
        "MSP702",
        f"{member.name} uses spec.canary; KServe and meshsplit would both set weights",
        member.ref,
        ("spec", "canary"),
        fix="remove spec.canary, or make the canary an InferenceService of its own in the group",
    )
