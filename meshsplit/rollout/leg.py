"""The way of one member from the split that serves to its share of the target.

A rollout raises one member at a time, so that what is measured is that member's doing. A target that raises
several is reached in several rollouts, in order of name.
"""

from dataclasses import dataclass, replace

from meshsplit.analysis.ramp import FULL_WEIGHT, Ramp, first_weight
from meshsplit.model import Split
from meshsplit.rollout.apportion import apportion
from meshsplit.rollout.splits import to_split, to_thousandths


@dataclass(frozen=True, slots=True)
class Leg:
    """From `start` to `end`, which gives the canary more; `stable` is the member that it is compared with."""

    canary: str
    stable: str
    start: Split
    end: Split

    @property
    def low(self) -> int:
        """The canary's share at the start, in thousandths."""
        return to_thousandths(self.start).get(self.canary, 0)

    @property
    def high(self) -> int:
        """The canary's share at the end, in thousandths."""
        return to_thousandths(self.end).get(self.canary, 0)

    def at(self, weight: int) -> Split:
        """The split with the canary at `weight` thousandths, the others on the straight way to the end."""
        if weight >= self.high:
            return self.end
        if weight <= self.low:
            return self.start
        start, end = to_thousandths(self.start), to_thousandths(self.end)
        whole, done = self.high - self.low, weight - self.low
        others = {
            name: start.get(name, 0) * whole + done * (end.get(name, 0) - start.get(name, 0))
            for name, _ in self.start.weights
            if name != self.canary
        }
        rest = apportion(others, FULL_WEIGHT - weight)
        return to_split({**dict(rest.weights), self.canary: weight})


def plan_leg(start: Split, target: Split, stable_member: str | None) -> Leg | None:
    """The next leg from `start` to `target`, both of the same members; None when they are the same.

    The canary's share comes from the members whose share falls, in proportion to how much it does.
    """
    before, after = to_thousandths(start), to_thousandths(target)
    names = sorted({*before, *after})
    rising = [name for name in names if after.get(name, 0) > before.get(name, 0)]
    if not rising:
        return None
    canary = rising[0]
    excess = {name: max(before.get(name, 0) - after.get(name, 0), 0) for name in names}
    taken = apportion(excess, after[canary] - before.get(canary, 0))
    end = {name: before.get(name, 0) - taken.of(name) for name, _ in start.weights}
    end[canary] = after[canary]
    return Leg(canary, _find_stable(before, canary, stable_member), start, to_split(end))


def make_ramp(leg: Leg, ramp: Ramp) -> Ramp:
    """The ramp cut to a leg: from the share the canary has to its share at the end.

    A share at the end that is no larger than the last step is a step like any other, so that the canary is
    judged at it; one that is larger is promoted to, from the last step below it.
    """
    low, high = leg.low, leg.high
    if not ramp.steps:
        return replace(ramp, top=max(low, min(ramp.top, high)))
    steps = [step for step in ramp.steps if low < step < high]
    if low:
        steps.insert(0, low)
    if high <= ramp.last:
        steps.append(high)
    return replace(ramp, steps=tuple(steps))


def find_first(leg: Leg, ramp: Ramp, traffic: float) -> int:
    """The weight to begin with on a ramp cut to the leg, in thousandths."""
    return max(leg.low, first_weight(ramp, traffic))


def find_following(ramp: Ramp, weight: int, growth: int) -> int | None:
    """The weight after `weight` when evidence is not asked; None at the top."""
    if weight >= ramp.last:
        return None
    if ramp.steps:
        return next(step for step in ramp.steps if step > weight)
    return min(ramp.last, growth * weight)


def find_step(ramp: Ramp, weight: int) -> int:
    """Which step `weight` is, from 1; 0 below the first, and for a ramp without steps."""
    return sum(step <= weight for step in ramp.steps)


def _find_stable(before: dict[str, int], canary: str, stable_member: str | None) -> str:
    if stable_member is not None and stable_member != canary and before.get(stable_member):
        return stable_member
    others = [name for name in before if name != canary]
    return min(others, key=lambda name: (-before[name], name))
