"""The split of a group without a running rollout: its target where that is safe, else what serves now."""

from collections.abc import Mapping
from typing import Literal

from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.model import FULL, Group, GroupKey, Outcome, Split, Strategy
from meshsplit.rollout.apportion import apportion

Weights = Literal["start", "target"]
"""For a group with a strategy: where the rollout starts, or where it should end."""


def decide_split(group: Group, current: Split | None, weights: Weights = "start") -> Outcome:
    """Choose the split that `group` is given when `current` (None: nothing yet) is what serves.

    An unreadable group keeps exactly what serves. A withdrawn group gets none. A refused group, and one whose
    percentages are invalid, keep what serves, less the members that left. A member that is not ready never
    gets more than it has.
    """
    if group.unreadable:
        return Outcome(group, current)
    if group.withdrawn is not None:
        return Outcome(group, None)
    serving, lost = _without_lost_members(group, current)
    if group.refused is not None or group.target is None:
        return Outcome(group, serving, lost)
    if group.strategy is not Strategy.STATIC and weights == "start":
        return _start(group, serving)
    return _hold_back_unready(group, group.target, serving)


def _without_lost_members(group: Group, current: Split | None) -> tuple[Split | None, tuple[Finding, ...]]:
    """Give the traffic of members that left to the survivors, in proportion; equally when they had none."""
    if current is None:
        return None, ()
    names = [member.name for member in group.members]
    gone = [name for name, weight in current.weights if weight and name not in names]
    if not gone or not names:
        return (current if names else None), ()
    shares = {name: current.of(name) for name in names}
    survivors = apportion(shares if any(shares.values()) else dict.fromkeys(names, 1), current.total)
    if group.target is not None and group.refused is None:
        return survivors, ()
    finding = Finding(
        "MSP109",
        f"{', '.join(gone)} left group {group.key.name} while the others do not add up to {FULL}; "
        f"the survivors take its traffic in proportion: {survivors}",
        _object_of(group),
        fix=f"set the percentages of {', '.join(names)} so that they add up to {FULL}",
    )
    return survivors, (finding,)


def _start(group: Group, serving: Split | None) -> Outcome:
    """Keep what serves, since a strategy moves traffic on evidence only; a new group starts on stable."""
    if serving is not None:
        return Outcome(group, serving)
    names = [member.name for member in group.members]
    if len(names) == 1:
        return Outcome(group, group.target)
    if group.stable_member not in names:
        finding = Finding(
            "MSP110",
            f"group {group.key.name} has a strategy and no stable member, so its starting split is unknown",
            _object_of(group),
            ("spec", "stableMember"),
            fix=f"set spec.stableMember to one of {', '.join(names)}, or render with --weights target",
        )
        return Outcome(group, None, (finding,))
    weights = tuple((name, FULL if name == group.stable_member else 0) for name in names)
    return Outcome(group, Split(weights))


def _hold_back_unready(group: Group, target: Split, serving: Split | None) -> Outcome:
    """Cap members that are not ready at what they have; what they may not get stays where the traffic is."""
    has = _rescaled(serving, target.total)
    ready = {member.name: member.ready is not False for member in group.members}
    capped = [name for name, weight in target.weights if not ready[name] and weight > has.get(name, 0)]
    keepers = {
        name: max(has.get(name, 0) - weight, 0) if has else weight
        for name, weight in target.weights
        if name not in capped and (has or ready[name])
    }
    if not capped or not any(keepers.values()):
        return Outcome(group, target)
    withheld = sum(target.of(name) - has.get(name, 0) for name in capped)
    back = apportion(keepers, withheld)
    weights = tuple(
        (name, has.get(name, 0) if name in capped else weight + back.of(name))
        for name, weight in target.weights
    )
    split = Split(weights, target.total)
    return Outcome(group, split, tuple(_not_ready(group, name, split) for name in capped))


def _rescaled(serving: Split | None, total: int) -> Mapping[str, int]:
    if serving is None:
        return {}
    return dict(apportion(dict(serving.weights), total).weights)


def _not_ready(group: Group, name: str, split: Split) -> Finding:
    return Finding(
        "MSP107",
        f"{name} is not Ready, so group {group.key.name} serves {split} instead of {group.target}",
        ObjectRef("InferenceService", group.key.namespace, name),
        ("status", "conditions"),
        fix=f"see why it does not load: kubectl describe isvc {name} -n {group.key.namespace}",
    )


def _object_of(group: Group) -> ObjectRef:
    if group.source is not None:
        return group.source
    return ObjectRef("InferenceService", group.key.namespace, group.members[-1].name)


def decide_splits(
    groups: tuple[Group, ...], current: Mapping[GroupKey, Split], weights: Weights = "start"
) -> tuple[Outcome, ...]:
    """`decide_split` for every group, in the groups' order."""
    return tuple(decide_split(group, current.get(group.key), weights) for group in groups)
