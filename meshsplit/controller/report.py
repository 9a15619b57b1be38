"""The status of one ModelSplit: pure, from what was found, decided and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.api import status as api
from meshsplit.api.fields import MAX_TEXT, cut
from meshsplit.api.rolloutstatus import RolloutParts
from meshsplit.api.status import ModelSplitStatus
from meshsplit.api.wire import to_rfc3339
from meshsplit.controller import conditions
from meshsplit.controller.conditions import Facts, explain, show_share
from meshsplit.model import FULL
from meshsplit.rollout import report as rollout
from meshsplit.rollout.report import Says

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from meshsplit.controller.step import Step
    from meshsplit.diagnostics import Finding
    from meshsplit.model import Group, Split
    from meshsplit.rollout.spec import RolloutSpec
    from meshsplit.rollout.state import RolloutState


_NO_ROLLOUT = RolloutParts().model_dump(mode="json", by_alias=True, exclude_none=True)


def make_status(facts: Facts, generation: int, old: ModelSplitStatus, now: datetime) -> ModelSplitStatus:
    """The status of the ModelSplit that its group follows."""
    status = ModelSplitStatus.model_validate(make_fields(facts, generation, _to_since(old), now))
    return status if facts.step is None else with_rollout(status, facts.step.kept, facts.step.spec)


def make_fields(
    facts: Facts, generation: int, since: Mapping[str, tuple[str, str]], now: datetime
) -> dict[str, Any]:
    """The same as it is written, but for its rollout; `since` says of conditions what they are since when."""
    group, split, step = facts.outcome.group, facts.outcome.split, facts.step
    leg = step.kept.leg if step is not None else None
    stable, canary = (leg.stable, leg.canary) if leg is not None else find_roles(group, split)
    order = [stable] * bool(stable) + [m.name for m in group.members if m.name != stable]
    order += _find_leavers(group, split)
    ready = conditions.say_ready(facts)
    said = {
        api.READY: ready,
        api.RECONCILING: conditions.say_reconciling(ready),
        api.STALLED: conditions.say_stalled(ready, step),
        api.WEIGHTS_VALID: conditions.say_weights(facts),
        api.ROUTES_ACCEPTED: conditions.say_routes(facts),
        **(_say_rollout(step) if step is not None else {}),
    }
    shares = step.measured.shares if step is not None and step.measured is not None else {}
    return {
        **_NO_ROLLOUT,
        "observedGeneration": generation,
        "strategy": group.strategy.value,
        "stable": stable,
        "canary": canary,
        "weight": _shares(split, order),
        "target": _shares(group.target, order),
        "total": split.total if split is not None else FULL,
        "members": _to_members(group, split, stable, canary, shares),
        "conditions": _to_conditions(said, generation, since, now),
    }


def with_rollout(status: ModelSplitStatus, state: RolloutState, spec: RolloutSpec) -> ModelSplitStatus:
    """The status with what it says of the rollout."""
    parts = rollout.to_parts(state, spec)
    return status.model_copy(update={name: getattr(parts, name) for name in RolloutParts.model_fields})


def _say_rollout(step: Step) -> dict[str, Says]:
    trouble, problem = (step.measured.trouble, step.measured.problem) if step.measured else ("", "")
    metrics = rollout.say_metrics(step.kept, step.spec, trouble, problem)
    said = {api.PROMOTED: rollout.say_promoted(step.kept)}
    return said if metrics is None else {**said, api.METRICS_AVAILABLE: metrics}


def make_bystander_status(
    finding: Finding | None, generation: int, old: ModelSplitStatus, now: datetime
) -> ModelSplitStatus:
    """The status of a ModelSplit that no group follows: another one came first, or nobody carries the tag."""
    waits = finding is None or finding.code == "MSP108"
    reason = conditions.NO_MEMBERS if waits else conditions.REFUSED
    ready = Says("False", reason, explain(finding) or "the group has no members")
    said = {
        api.READY: ready,
        api.RECONCILING: conditions.say_reconciling(ready),
        api.STALLED: conditions.say_stalled(ready),
    }
    told = _to_conditions(said, generation, _to_since(old), now)
    return ModelSplitStatus.model_validate({"observedGeneration": generation, "conditions": told})


def find_roles(group: Group, split: Split | None) -> tuple[str, str]:
    """The stable member and the canary, "" where there is no such thing.

    Stable is the member that is said to be, else, of two, the one with more traffic, by name where equal.
    """
    names = [member.name for member in group.members]
    stable = group.stable_member if group.stable_member in names else None
    serving = split or group.target
    if stable is None and len(names) == 2 and serving is not None:
        stable = min(names, key=lambda name: (-serving.of(name), name))
    others = [name for name in names if name != stable]
    canary = others[0] if stable is not None and len(others) == 1 else None
    return stable or "", canary or ""


def _to_since(old: ModelSplitStatus) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, to_rfc3339(each.last_transition_time)) for each in old.conditions}


def _to_conditions(
    said: Mapping[str, Says], generation: int, since: Mapping[str, tuple[str, str]], now: datetime
) -> list[dict[str, Any]]:
    """Conditions by type; a status that stays what it was keeps the time since when it is so."""
    told = []
    for kind, says in sorted(said.items()):
        status, time = since.get(kind, ("", ""))
        told.append(
            {
                "type": kind,
                "status": says.status,
                "reason": says.reason,
                "message": cut(says.message),
                "observedGeneration": generation,
                "lastTransitionTime": time if status == says.status else to_rfc3339(now),
            }
        )
    return told


def _to_members(
    group: Group, split: Split | None, stable: str, canary: str, shares: Mapping[str, float]
) -> list[dict[str, Any]]:
    roles = {stable: "stable", canary: "canary"}
    ready = {member.name: member.ready for member in group.members}
    listed = [*ready, *_find_leavers(group, split)][: api.MAX_STATUS_MEMBERS]
    members = []
    for name in listed:
        told: dict[str, Any] = {
            "name": name,
            "role": roles.get(name, "member"),
            "targetWeight": group.target.of(name) if group.target is not None else None,
            "weight": split.of(name) if split is not None else None,
            "measuredPercent": f"{shares[name]:.1f}" if name in shares else None,
            "ready": ready.get(name),
        }
        members.append({key: value for key, value in told.items() if value is not None})
    return members


def _find_leavers(group: Group, split: Split | None) -> list[str]:
    """Who serves and is no member any more, because the group cannot be changed; by name."""
    names = {member.name for member in group.members}
    return [name for name, weight in split.weights if weight and name not in names] if split else []


def _shares(split: Split | None, order: Sequence[str]) -> str:
    """`80 / 20` in the order given; as much as a column holds."""
    if split is None:
        return ""
    text = " / ".join(show_share(split.of(name), split.total) for name in order)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
