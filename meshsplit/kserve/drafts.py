"""Which groups there are, and which InferenceServices and which ModelSplit make each of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from meshsplit.diagnostics import Finding, ObjectRef, Related
from meshsplit.kserve import keys
from meshsplit.kserve.exposure import Site
from meshsplit.kserve.modelsplits import UnreadableSplit
from meshsplit.kserve.objects import Identity, InferenceService, SplitRequest
from meshsplit.kserve.observed import Observed
from meshsplit.model import GroupKey

Age = tuple[bool, float, str, str]
"""Sorts the older first: by creation, an unknown one last, then by namespace and name."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A group before its weights and routes are looked at.

    `members` are sorted by name, `missing` are those that a ModelSplit lists and that do not exist. `site` is
    the field that names the group, `broken` the finding of something that belongs to it and is unreadable.
    """

    key: GroupKey
    site: Site
    members: tuple[InferenceService, ...]
    request: SplitRequest | None = None
    missing: tuple[str, ...] = ()
    broken: Finding | None = None

    @property
    def age(self) -> Age:
        """As old as the oldest object that makes it, so that a ModelSplit added later changes nothing."""
        made_of = [member.identity for member in self.members]
        if self.request is not None:
            made_of.append(self.request.identity)
        created = min((i.created for i in made_of if i.created is not None), default=None)
        return make_age(created, self.key.namespace, self.key.name)


def make_age(created: datetime | None, namespace: str, name: str) -> Age:
    """The order of two claims on one thing."""
    return created is None, created.timestamp() if created else 0.0, namespace, name


def age_of(identity: Identity) -> Age:
    """The age of one object."""
    return make_age(identity.created, identity.ref.namespace, identity.ref.name)


def make_drafts(observed: Observed) -> tuple[list[Draft], list[Finding]]:
    """All groups by key: those of a ModelSplit as it says, all others by their members' label."""
    services = observed.live_services()
    tagged: dict[GroupKey, list[InferenceService]] = defaultdict(list)
    for service in services:
        if service.tag:
            tagged[GroupKey(service.namespace, service.tag)].append(service)
    claims, findings = _claim_groups(observed.splits.values())
    findings += [finding for service in services for finding in _misused_tag(service)]
    maker = _DraftMaker({service.ref: service for service in services}, tagged, observed)
    drafts = []
    for key in sorted({*tagged, *claims, *observed.broken_groups}):
        claim = claims.get(key)
        if isinstance(claim, SplitRequest) and not maker.has_members(key, claim):
            findings.append(_nobody_tagged(claim))
        else:
            drafts.append(maker.make_draft(key, claim))
    return drafts, findings


def _misused_tag(service: InferenceService) -> list[Finding]:
    if service.tag == "":
        return [
            Finding(
                "MSP214",
                "model-tag is empty, so the InferenceService is in no group",
                service.ref,
                keys.label(keys.MODEL_TAG),
                fix="write the group's name, or remove the label",
            )
        ]
    if service.tag is not None or service.tag_annotation is None:
        return []
    return [
        Finding(
            "MSP201",
            "model-tag is used as an annotation; it must be a label",
            service.ref,
            keys.annotation(keys.MODEL_TAG),
            fix=f"kubectl label isvc {service.name} -n {service.namespace} "
            f"{keys.MODEL_TAG}={service.tag_annotation}",
        )
    ]


def _claim_groups(
    splits: Iterable[SplitRequest | UnreadableSplit],
) -> tuple[dict[GroupKey, SplitRequest | UnreadableSplit], list[Finding]]:
    """Give each group to the oldest ModelSplit that is about it."""
    claims: dict[GroupKey, SplitRequest | UnreadableSplit] = {}
    findings = []
    for split in sorted(splits, key=lambda split: age_of(split.identity)):
        key = GroupKey(split.ref.namespace, split.group)
        holder = claims.setdefault(key, split)
        if holder is not split and isinstance(split, SplitRequest):
            findings.append(
                Finding(
                    "MSP204",
                    f"ModelSplit {holder.ref.name} already claims the host and paths of group {split.group}",
                    split.ref,
                    split.name_path,
                    fix=f"remove one of {holder.ref.name} and {split.ref.name}, or name another group",
                    related=(Related("the older one", holder.ref),),
                )
            )
    return claims, findings


def _nobody_tagged(request: SplitRequest) -> Finding:
    return Finding(
        "MSP108",
        f"no InferenceService of namespace {request.ref.namespace} carries the model-tag {request.group}",
        request.ref,
        request.name_path,
        fix=f"kubectl label isvc NAME -n {request.ref.namespace} {keys.MODEL_TAG}={request.group}",
    )


@dataclass(frozen=True, slots=True)
class _DraftMaker:
    services: Mapping[ObjectRef, InferenceService]
    tagged: Mapping[GroupKey, Sequence[InferenceService]]
    observed: Observed

    def has_members(self, key: GroupKey, request: SplitRequest) -> bool:
        """Whether the group exists at all; one that lists its members does even when they do not."""
        return request.from_spec or key in self.tagged or key in self.observed.broken_groups

    def make_draft(self, key: GroupKey, claim: SplitRequest | UnreadableSplit | None) -> Draft:
        """The group of a key that a ModelSplit, the members' label or both have made."""
        tagged = tuple(self.tagged.get(key, ()))
        broken = self.observed.broken_groups.get(key)
        if isinstance(claim, UnreadableSplit):
            members = self._named(key, {*claim.members, *(member.name for member in tagged)})
            return Draft(key, (claim.ref, claim.problem.path), members, broken=claim.problem)
        if claim is None:
            return Draft(key, _tag_site(tagged, broken), tagged, broken=broken)
        if not claim.from_spec:
            return Draft(key, (claim.ref, claim.name_path), tagged, claim, broken=broken)
        return self._listed_draft(key, claim)

    def _listed_draft(self, key: GroupKey, request: SplitRequest) -> Draft:
        listed = {name: ObjectRef("InferenceService", key.namespace, name) for name, _ in request.weights}
        malformed = self.observed.malformed
        unknown = [name for name, ref in listed.items() if ref not in self.services and ref not in malformed]
        return Draft(
            key,
            (request.ref, request.name_path),
            self._named(key, listed),
            request,
            missing=tuple(sorted(unknown)),
            broken=next((malformed[ref] for ref in listed.values() if ref in malformed), None),
        )

    def _named(self, key: GroupKey, names: Iterable[str]) -> tuple[InferenceService, ...]:
        refs = [ObjectRef("InferenceService", key.namespace, name) for name in sorted(names)]
        return tuple(self.services[ref] for ref in refs if ref in self.services)


def _tag_site(members: Sequence[InferenceService], broken: Finding | None) -> Site:
    if not members and broken is not None and broken.object is not None:
        return broken.object, broken.path
    return members[0].ref, keys.label(keys.MODEL_TAG)
