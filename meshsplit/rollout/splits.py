"""Splits as shares: compared whatever their total, cut down to the members that are left."""

from collections.abc import Collection, Mapping

from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.model import FULL, Split
from meshsplit.rollout.apportion import apportion


def to_thousandths(split: Split) -> dict[str, int]:
    """Shares in thousandths by member, those without one left out."""
    return {name: weight * FULL_WEIGHT // split.total for name, weight in split.weights if weight}


def to_split(thousandths: Mapping[str, int]) -> Split:
    """A split of thousandths that add up to 1000; of percent where those are whole."""
    if all(weight * FULL % FULL_WEIGHT == 0 for weight in thousandths.values()):
        weights = {name: weight * FULL // FULL_WEIGHT for name, weight in thousandths.items()}
        return Split(tuple(sorted(weights.items())))
    return Split(tuple(sorted(thousandths.items())), FULL_WEIGHT)


def is_same(one: Split | None, other: Split | None) -> bool:
    """Whether both give every member the same share."""
    if one is None or other is None:
        return one is other
    return to_thousandths(one) == to_thousandths(other)


def list_members(split: Split, names: Collection[str]) -> Split:
    """The same split with exactly `names` in it, 0 for those without a share; it gives nobody else any."""
    return Split(tuple((name, split.of(name)) for name in sorted(names)), split.total)


def drop_lost(split: Split, names: Collection[str]) -> Split | None:
    """What is left when only `names` are: they take the others' shares in proportion, or equally.

    None when nobody is left.
    """
    if not names:
        return None
    if all(name in names for name, weight in split.weights if weight):
        return list_members(split, names)
    shares = {name: split.of(name) for name in names}
    return apportion(shares if any(shares.values()) else dict.fromkeys(names, 1), split.total)


def hold_back(split: Split, serving: Split | None, unready: Collection[str]) -> Split:
    """Cap members that are not ready at what they have; what they may not get stays where the traffic is.

    When nobody else is there to take it, the split is kept as it is: some member has to answer.
    """
    total = split.total if serving is None else max(split.total, serving.total)
    has = {} if serving is None else _in(serving, total)
    weights = _in(split, total)
    capped = [name for name, weight in weights.items() if name in unready and weight > has.get(name, 0)]
    keepers = {
        name: max(has.get(name, 0) - weight, 0) if has else weight
        for name, weight in weights.items()
        if name not in capped and (has or name not in unready)
    }
    if not capped or not any(keepers.values()):
        return split
    back = apportion(keepers, sum(weights[name] - has.get(name, 0) for name in capped))
    kept = {name: has.get(name, 0) if name in capped else weights[name] + back.of(name) for name in weights}
    return Split(tuple(sorted(kept.items())), total)


def _in(split: Split, total: int) -> dict[str, int]:
    return {name: weight * total // split.total for name, weight in split.weights}
