"""One group's rollouts in simulated time: the state machine itself, against made-up traffic.

Every read is drawn from the world at the weight that serves, as a gateway would count it, so that what the
machine decides changes what it sees next.
"""

from dataclasses import dataclass, field, replace

from meshsplit.analysis.trial import Read
from meshsplit.model import Group
from meshsplit.rollout import engine
from meshsplit.rollout.observation import Observation, Reading
from meshsplit.rollout.spec import RolloutSpec
from meshsplit.rollout.splits import to_thousandths
from meshsplit.rollout.state import RolloutState
from meshsplit.simulation.chance import Chance
from meshsplit.simulation.world import World, draw_counts


@dataclass(slots=True)
class GroupDay:
    """A group, what it meets, and its state; change the fields for what people do meanwhile.

    Every member has the same `revision`.
    """

    group: Group
    spec: RolloutSpec
    world: World
    chance: Chance
    revision: str = "1"
    state: RolloutState = field(default_factory=RolloutState)

    @property
    def weight(self) -> int:
        """The share of the member that a rollout raises, in thousandths."""
        leg, serving = self.state.leg, self.state.serving
        return to_thousandths(serving).get(leg.canary, 0) if leg is not None and serving is not None else 0

    def observe(self, now: float, start: float, seen: Observation) -> Observation:
        """What is seen at `now`: `seen`, and a read of the time since the last one.

        The world's clock begins at `start`.
        """
        weight, since = self.weight, self.state.cursor
        counts = draw_counts(self.world, self.chance, weight, now - start)
        read = Read(weight, {rule.name: (counts,) for rule in self.spec.policy.course.rules.metrics})
        reading = Reading(self.state.id, now, read, self.world.traffic, since, str(int(since or 0) + 1))
        revisions = {member.name: self.revision for member in self.group.members}
        return replace(seen, traffic=self.world.traffic, reading=reading, revisions=revisions)

    def advance(self, seen: Observation, now: float) -> engine.Advance:
        """What a pass comes to; the state is the caller's to keep."""
        return engine.advance(self.group, self.spec, self.state, seen, now, self.group.target)
