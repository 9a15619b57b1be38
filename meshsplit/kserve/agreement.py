"""Where a ModelSplit and the InferenceServices of its group contradict one another."""

from meshsplit.api.problems import describe
from meshsplit.diagnostics import Finding
from meshsplit.kserve.drafts import Draft
from meshsplit.kserve.objects import InferenceService, NotText, SplitRequest
from meshsplit.kserve.weights import PATH, to_percent


def find_disagreements(draft: Draft) -> list[Finding]:
    """MSP108, MSP106 and MSP110; each of them leaves the group as it is."""
    request = draft.request
    if request is None:
        return []
    return [
        *_find_missing(draft, request),
        *_find_other_weights(draft, request),
        *_find_unstable(draft, request),
    ]


def _find_missing(draft: Draft, request: SplitRequest) -> list[Finding]:
    return [
        Finding(
            "MSP108",
            f"member {name} does not exist in namespace {draft.key.namespace}, or is being deleted",
            request.ref,
            ("spec", "members", index, "name"),
            fix=f"create the InferenceService {name}, or remove it from members",
        )
        for index, (name, _) in enumerate(request.weights)
        if name in draft.missing
    ]


def _find_other_weights(draft: Draft, request: SplitRequest) -> list[Finding]:
    weights = dict(request.weights)
    return [
        Finding(
            "MSP106",
            f"the weight of {member.name} is {weights[member.name]} in ModelSplit {request.ref.name} and "
            f"{_found_percent(member)} in the annotation",
            member.ref,
            PATH,
            fix="remove the annotation, since weightsFrom is Spec"
            if request.from_spec
            else "remove members from the ModelSplit, since weightsFrom is Annotations",
        )
        for member in draft.members
        if member.name in weights
        and member.percent is not None
        # An annotation that belongs to another group says nothing about this one.
        and member.tag in (None, "", draft.key.name)
        and to_percent(member.percent) != weights[member.name]
    ]


def _found_percent(member: InferenceService) -> str:
    return member.percent.text if isinstance(member.percent, NotText) else describe(member.percent)


def _find_unstable(draft: Draft, request: SplitRequest) -> list[Finding]:
    names = [member.name for member in draft.members]
    stable = request.stable_member
    if stable is None or stable in names or stable in draft.missing:
        return []
    return [
        Finding(
            "MSP110",
            f"stableMember {stable} is no member of group {draft.key.name}",
            request.ref,
            ("spec", "stableMember"),
            fix=f"write one of {', '.join(names)}" if names else "remove stableMember",
        )
    ]
