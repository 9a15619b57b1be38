"""The status of one DistributedInferenceService: pure, from what was found, planned and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from meshsplit.api.disvc import Address, DistributedInferenceServiceStatus, VersionStatus
from meshsplit.api.fields import cut
from meshsplit.api.status import READY, RECONCILING, STALLED, ConditionStatus
from meshsplit.disvc import names
from meshsplit.disvc.assembly import Made
from meshsplit.disvc.objects import Disvc, UnreadableDisvc, Walk
from meshsplit.disvc.plan import Plan
from meshsplit.disvc.versions import Phase, Version, Versions
from meshsplit.model import FULL
from meshsplit.rollout.report import Says

PROGRESSING, ROUTED, SERVED_NAME = "Progressing", "Routed", "ServedNameKnown"
DEADLINE_EXCEEDED, ROLLED_BACK = "ProgressDeadlineExceeded", "RolledBack"
NAME_TAKEN, INVALID, WRITE_FAILED, REJECTED = "NameTaken", "Invalid", "WriteFailed", "Rejected"

_LASTING = (NAME_TAKEN, INVALID, REJECTED, DEADLINE_EXCEEDED, ROLLED_BACK, "NoRoom")
"""Reasons that need somebody to do something."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something is not as it should be in the cluster: a reason above, and what to do."""

    reason: str
    message: str


def make_status(
    disvc: Disvc,
    plan: Plan,
    host: str,
    troubles: Sequence[Trouble],
    unrouted: str,
    now: datetime,
) -> DistributedInferenceServiceStatus:
    """What is said of it; `troubles` are of this pass, `unrouted` says why no gateway brings traffic in."""
    serving = plan.of(Phase.SERVING)
    shown = serving or plan.of(Phase.BUILDING)
    old = disvc.status
    progress = _say_progress(disvc, plan, now.timestamp())
    ready = _say_ready(plan, troubles)
    stuck = next(
        (says for says in (ready, progress) if says.status == "False" and says.reason in _LASTING), None
    )
    said = {
        READY: ready,
        RECONCILING: _say_reconciling(plan),
        STALLED: Says("True", stuck.reason, stuck.message) if stuck else Says("False", "NotStalled"),
        PROGRESSING: progress,
        ROUTED: _say_routed(plan, unrouted),
        SERVED_NAME: _say_name(plan),
    }
    number = serving.version.number if serving is not None else None
    return DistributedInferenceServiceStatus(
        observedGeneration=disvc.generation,
        url=f"http://{host}" if number is not None or old.url else "",
        address=_to_address(disvc, number) if number is not None else old.address,
        replicas=shown.present if shown is not None else 0,
        readyReplicas=shown.ready if shown is not None else 0,
        desiredReplicas=disvc.spec.replicas,
        currentVersion=number,
        prevVersion=_find_previous(old, number),
        lastVersion=plan.versions.last,
        versions=[_to_version(made) for made in plan.made],
        conditions=_make_conditions(said, disvc, now),
    )


def make_refusal(
    disvc: Disvc | UnreadableDisvc, message: str, now: datetime
) -> DistributedInferenceServiceStatus:
    """The status of one that cannot be done: everything stays as it is."""
    said = {
        READY: Says("False", INVALID, message),
        RECONCILING: Says("False", INVALID),
        STALLED: Says("True", INVALID, message),
    }
    return disvc.status.model_copy(
        update={
            "observed_generation": disvc.generation,
            "conditions": _make_conditions(said, disvc, now),
        }
    )


def with_versions(status: DistributedInferenceServiceStatus, plan: Plan) -> DistributedInferenceServiceStatus:
    """The status with the versions that are to be kept before anything is done."""
    kept = {"versions": [_to_version(made) for made in plan.made], "last_version": plan.versions.last}
    return status.model_copy(update=kept)


def read_versions(status: DistributedInferenceServiceStatus) -> Versions:
    """The versions that a status has kept."""
    kept = [
        Version(each.version, each.template, Phase(each.phase), each.since.timestamp())
        for each in status.versions
    ]
    kept.sort(key=lambda version: version.number)
    return Versions(tuple(kept), max([status.last_version, *(version.number for version in kept)]))


def _to_version(made: Made) -> VersionStatus:
    version = made.version
    return VersionStatus(
        version=version.number,
        template=version.revision,
        phase=version.phase.value,
        since=datetime.fromtimestamp(version.since, UTC),
        replicas=made.present,
        readyReplicas=made.ready,
    )


def _to_address(disvc: Disvc, number: int) -> Address:
    service = names.version_name(disvc.name, number)
    return Address(url=f"http://{names.service_host(service, disvc.namespace)}")


def _find_previous(old: DistributedInferenceServiceStatus, number: int | None) -> int | None:
    """The version that served last before; in turn, none serves in between."""
    was = old.current_version
    return old.prev_version if was in (None, number) else was


def _say_ready(plan: Plan, troubles: Sequence[Trouble]) -> Says:
    serving, building = plan.of(Phase.SERVING), plan.of(Phase.BUILDING)
    if troubles:
        return Says("False", troubles[0].reason, "; ".join(trouble.message for trouble in troubles))
    if serving is None:
        told = _count(building) if building is not None else "there is no version"
        return Says("False", "NotServing", told)
    if serving.ready < serving.wanted:
        return Says("False", "ReplicaNotReady", _count(serving))
    return Says("True", "Serving", _count(serving))


def _say_progress(disvc: Disvc, plan: Plan, now: float) -> Says:
    building, serving = plan.of(Phase.BUILDING), plan.of(Phase.SERVING)
    if building is None:
        return Says("True", "Complete", f"version {serving.version.number} serves" if serving else "")
    goes_on = f"; version {serving.version.number} goes on serving" if serving is not None else ""
    if serving is not None and not plan.in_turn and not plan.capacity.has_room:
        return Says("False", "NoRoom", _say_no_room(building, plan) + goes_on)
    if plan.walks:
        return _say_walk(disvc, plan.walk, building.version.number)
    deadline = disvc.spec.progress_deadline_seconds
    if now - building.version.since >= deadline:
        return Says("False", DEADLINE_EXCEEDED, f"{_count(building)} after {deadline}s{goes_on}")
    return Says("True", "NewVersion", _count(building) + goes_on)


def _say_walk(disvc: Disvc, walk: Walk, number: int) -> Says:
    if walk.ended:
        told = f"version {number}: {walk.ended}; another spec, or `meshsplit retry {disvc.name}`, begins anew"
        return Says("False", ROLLED_BACK, told)
    share = (walk.weights or {}).get(number, 0)
    total = sum((walk.weights or {}).values()) or FULL
    percent = f"{share * FULL / total:g}"
    told = f"version {number} has {percent}% of the requests; meshsplit watch {disvc.name} shows the evidence"
    return Says("True", "Walking", told)


def _say_no_room(building: Made, plan: Plan) -> str:
    capacity = plan.capacity
    return (
        f"maxSurge {capacity.surge} and maxUnavailable {capacity.unavailable} leave room for "
        f"{capacity.next_one} InferenceServices of version {building.version.number} beside the present one, "
        f"and {capacity.needed} have to be ready before it serves; set maxSurge to {capacity.least_surge}"
    )


def _say_reconciling(plan: Plan) -> Says:
    building, serving = plan.of(Phase.BUILDING), plan.of(Phase.SERVING)
    if building is not None:
        return Says("True", "NewVersion", _count(building))
    if serving is not None and (serving.present != serving.wanted or serving.ready < serving.wanted):
        return Says("True", "Scaling", _count(serving))
    return Says("False", "Written")


def _say_routed(plan: Plan, unrouted: str) -> Says:
    if plan.routed is None:
        return Says("False", "NotServing", "no version serves yet")
    if unrouted:
        return Says("False", "NoGateway", unrouted)
    return Says("True", "Accepted", f"requests go to version {plan.routed}")


def _say_name(plan: Plan) -> Says:
    shown = plan.of(Phase.BUILDING) or plan.of(Phase.SERVING)
    if shown is None:
        return Says("Unknown", "NotServing")
    problem = shown.served.problem
    return Says("False", "ServedNameUnknown", problem) if problem else Says("True", "Set")


def _count(made: Made) -> str:
    number = made.version.number
    return f"version {number}: {made.ready} of {made.wanted} InferenceServices are ready"


def _make_conditions(
    said: dict[str, Says], disvc: Disvc | UnreadableDisvc, now: datetime
) -> list[ConditionStatus]:
    return [_make_condition(kind, said[kind], disvc, now) for kind in sorted(said)]


def _make_condition(kind: str, says: Says, disvc: Disvc | UnreadableDisvc, now: datetime) -> ConditionStatus:
    old = disvc.status.condition(kind)
    same = old is not None and old.status == says.status
    return ConditionStatus.model_validate(
        {
            "type": kind,
            "status": says.status,
            "reason": says.reason,
            "message": cut(says.message),
            "observedGeneration": disvc.generation,
            "lastTransitionTime": old.last_transition_time if same and old else now.replace(microsecond=0),
        }
    )
