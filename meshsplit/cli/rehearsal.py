"""What a request would do, played on what the status says by the rules that the controller goes by."""

from dataclasses import dataclass

from meshsplit.api.status import ModelSplitStatus
from meshsplit.cli.rolloutstate import read_rollout
from meshsplit.cli.splits import LiveSplit
from meshsplit.model import (
    FULL,
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    RestStrategy,
    Routing,
    Split,
    Strategy,
)
from meshsplit.rollout.answers import answer_request
from meshsplit.rollout.engine import advance
from meshsplit.rollout.observation import Observation
from meshsplit.rollout.requests import Request
from meshsplit.rollout.spec import RolloutSpec
from meshsplit.rollout.splits import to_thousandths
from meshsplit.rollout.turn import Turn

# What a split does not depend on.
_NOWHERE = Routing((), (), RestStrategy.SINGLE_HOP, Endpoint("", 0))
_THOUSANDTHS_A_POINT = 10


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The split before and after; `refusal` says why the controller would not do it, "" when it would."""

    now: Split | None
    after: Split | None
    refusal: str = ""

    @property
    def jump(self) -> float | None:
        """How many points of the traffic move; None where either split is not known."""
        if self.now is None or self.after is None:
            return None
        before, after = to_thousandths(self.now), to_thousandths(self.after)
        moved = (abs(after.get(name, 0) - before.get(name, 0)) for name in {*before, *after})
        return max(moved, default=0) / _THOUSANDTHS_A_POINT


def rehearse(split: LiveSplit, request: Request, at: float) -> Rehearsal:
    """Play a request at Unix time `at`; a status that says nothing, or cannot be read, foretells nothing."""
    now = find_serving(split.status)
    if not split.status.members:
        return Rehearsal(now, None)
    read = read_rollout(split)
    if read is None:
        return Rehearsal(now, None)
    spec, state = read
    group = _make_group(split, spec)
    if state.goal is None:
        state = advance(group, spec, state, Observation(), at, now).state
    done = answer_request(state, Turn(group, spec, Observation(request=request), at, state.decisions))
    handled = done.handled
    if handled is not None and handled.token == request.token and not handled.accepted:
        return Rehearsal(now, None, handled.message)
    return Rehearsal(now, done.override.split if done.override is not None else done.goal)


def find_serving(status: ModelSplitStatus) -> Split | None:
    """The split that a status says is served."""
    return _to_split({each.name: each.weight for each in status.members}, status.total)


def _make_group(split: LiveSplit, spec: RolloutSpec) -> Group:
    members = split.status.members
    listed = [
        Member(each.name, DeploymentMode.MODEL_MESH, each.name, None, None, each.ready) for each in members
    ]
    return Group(
        GroupKey(split.namespace, split.group),
        tuple(sorted(listed, key=lambda each: each.name)),
        # Targets are percent, whatever the split that serves adds up to.
        _to_split({each.name: each.target_weight for each in members}, FULL),
        _NOWHERE,
        split.status.stable or None,
        Strategy(spec.strategy),
    )


def _to_split(weights: dict[str, int | None], total: int) -> Split | None:
    told = {name: weight for name, weight in weights.items() if weight is not None}
    if not told or len(told) < len(weights) or sum(told.values()) != total:
        return None
    return Split(tuple(sorted(told.items())), total)
