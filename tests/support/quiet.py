"""What holds for every object of a cluster once its controller has nothing left to do."""

from collections import defaultdict
from typing import Any

from meshsplit.api.status import ModelSplitStatus
from meshsplit.controller.live import from_status
from meshsplit.istio import names
from meshsplit.istio.observed import is_made_here
from meshsplit.kube.port import FIELD_MANAGER
from meshsplit.model import GroupKey, Settings, Split, Translation
from meshsplit.translate import identity_of, translate
from support.fleet import Body, is_mirror
from support.generations import split_of
from support.manifests import MODEL_TAG


def check_quiet(bodies: list[Body]) -> None:
    """Routes are what one pure pass makes of the cluster, ModelSplits are reported on, members left alone."""
    _check_routes(bodies)
    _check_reports(bodies)
    _check_mirrors(bodies)
    for service in _of_kind(bodies, "InferenceService"):
        managers = {entry["manager"] for entry in service["metadata"].get("managedFields", [])}
        assert FIELD_MANAGER not in managers


def is_covered(wanted: Any, live: Any) -> bool:
    """Whether all that is wanted is there; others may have added to it."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(key in live and is_covered(value, live[key]) for key, value in wanted.items())
    return bool(wanted == live)


def _check_routes(bodies: list[Body]) -> None:
    live = {identity_of(body): body for body in _of_kind(bodies, "VirtualService")}
    translation = translate(bodies, Settings(), find_current(bodies))
    wanted = {identity_of(body): body for body in translation.objects}
    held = translation.untouched | _illegal(translation)
    ours = {identity for identity, body in live.items() if is_made_here(body)}
    assert ours - held == wanted.keys() - held
    for identity, body in wanted.items():
        assert is_covered(body, live[identity]), identity


def _illegal(translation: Translation) -> set[tuple[str, str, str]]:
    """Objects that Istio would refuse: not written, so what is there stays."""
    refused = [finding.object for finding in translation.findings if finding.code == "MSP308"]
    return {(ref.kind, ref.namespace, ref.name) for ref in refused if ref is not None}


def _check_reports(bodies: list[Body]) -> None:
    for split in _of_kind(bodies, "ModelSplit"):
        generation = split["metadata"]["generation"]
        told = {condition["observedGeneration"] for condition in split["status"]["conditions"]}
        assert told == {split["status"]["observedGeneration"]} == {generation}


def _check_mirrors(bodies: list[Body]) -> None:
    """A tagged group has a ModelSplit, and the controller's own one only if it has no other."""
    splits = _of_kind(bodies, "ModelSplit")
    about: defaultdict[GroupKey, list[Body]] = defaultdict(list)
    for split in splits:
        about[_group_of(split)].append(split)
    tagged = set()
    for service in _of_kind(bodies, "InferenceService"):
        tag = (service["metadata"].get("labels") or {}).get(MODEL_TAG)
        if tag:
            tagged.add(GroupKey(service["metadata"]["namespace"], tag))
    for group, found in about.items():
        if any(map(is_mirror, found)):
            assert len(found) == 1, group
            assert group in tagged
    taken = {GroupKey(split["metadata"]["namespace"], split["metadata"]["name"]) for split in splits}
    assert tagged <= taken | set(about)


def find_current(bodies: list[Body]) -> dict[GroupKey, Split]:
    """What serves: a VirtualService of ours says it, else the last report."""
    current: dict[GroupKey, Split] = {}
    for body in _of_kind(bodies, "ModelSplit"):
        split = from_status(ModelSplitStatus.model_validate(body.get("status") or {}))
        if split is not None:
            current[_group_of(body)] = split
    for body in filter(is_made_here, _of_kind(bodies, "VirtualService")):
        group = (body["metadata"].get("annotations") or {}).get(names.MODEL_TAG)
        served = split_of(body)
        if group and served is not None:
            current[GroupKey(body["metadata"]["namespace"], group)] = served
    return current


def _group_of(split: Body) -> GroupKey:
    metadata = split["metadata"]
    return GroupKey(metadata["namespace"], split["spec"].get("modelTag") or metadata["name"])


def _of_kind(bodies: list[Body], kind: str) -> list[Body]:
    return [body for body in bodies if body["kind"] == kind]
