"""One canary's day: drawn traffic and faults, what people do meanwhile, and every move audited."""

import math
import random
from dataclasses import dataclass, field, replace

from meshsplit.model import Group, Strategy
from meshsplit.rollout.engine import advance, is_urgent
from meshsplit.rollout.observation import Observation
from meshsplit.rollout.requests import Request, Verb
from meshsplit.rollout.splits import is_same
from meshsplit.rollout.state import ACTIVE, Act, RolloutState
from meshsplit.rollout.storage import to_state, to_text
from meshsplit.simulation.day import GroupDay
from meshsplit.simulation.world import Phase, World
from support.rollouts import NOON, canary, make_group, make_spec, split

DAY = 86_400.0
CHECKPOINT = 60.0
BAD_SHARE = 1 / 3
RELEASES = 3
VERBS = (Verb.PAUSE, Verb.RESUME, Verb.ABORT, Verb.RETRY, Verb.SET_WEIGHT, Verb.PROMOTE)
Input = tuple[Observation, float, str]
"""What a pass saw, when, and which member the target was."""


@dataclass
class Day:
    """What came of it; `unexplained` counts changes of the split without a new record in the history."""

    bad: bool
    group_day: GroupDay
    outcomes: list[str] = field(default_factory=list)
    unexplained: int = 0
    inputs: list[Input] = field(default_factory=list)


def play_day(chance: random.Random, seconds: float = DAY, persons: bool = True) -> Day:
    """Play one group for a day; while no rollout runs, time is skipped to the next thing that happens.

    Each of the day's releases raises the member that does not serve, with a new revision.
    """
    bad = chance.random() < BAD_SHARE
    day = Day(bad, _make_group_day(chance, bad))
    last = int(seconds / day.group_day.world.read_seconds)
    releases = sorted(chance.sample(range(last), RELEASES))
    at, aim = 0, "a"
    while at < last:
        if releases and at >= releases[0]:
            releases.pop(0)
            aim = "b" if aim == "a" else "a"
            day.group_day.revision = str(at)
        elif not day.group_day.state.active and day.inputs:
            if not releases:
                break
            at = releases[0]
            continue
        _make_pass(day, chance, at, aim, persons)
        at += 1
    return day


def replay(day: Day, deaths: random.Random) -> RolloutState:
    """The same day in a process that often dies: it goes on from what it had kept, and reads that again."""
    kept, kept_at, state, at = RolloutState(), 0, RolloutState(), 0
    died: set[int] = set()
    while at < len(day.inputs):
        seen, now, aim = day.inputs[at]
        after = advance(_to_group(aim), day.group_day.spec, state, seen, now, split(a=100, b=0)).state
        at += 1
        if is_urgent(state, after) or now - day.inputs[kept_at][1] >= CHECKPOINT:
            kept, kept_at = to_state(to_text(after)), at - 1
        state = after
        if deaths.random() < 0.05 and at not in died:
            died.add(at)
            state, at = kept, kept_at + 1
    return state


def _make_group_day(chance: random.Random, bad: bool) -> GroupDay:
    traffic = math.exp(chance.uniform(math.log(5), math.log(2000)))
    rate = math.exp(chance.uniform(math.log(0.0005), math.log(0.01)))
    worse = 1 + chance.uniform(2, 30) if bad else 1.0
    from_weight = chance.choice([0, 0, 100, 150]) if bad else 0
    world = World(
        traffic,
        stable=(Phase(rate),),
        canary=(Phase(rate), Phase(min(rate * worse + (0.01 if bad else 0), 0.9), from_weight)),
        drift=chance.uniform(0, 0.5),
    )
    spec = chance.choice(
        [canary(), make_spec({"canary": {}}), make_spec({"canary": {"stepWeights": [1, 20]}})]
    )
    return GroupDay(_to_group("a"), spec, world, chance)


def _to_group(aim: str) -> Group:
    target = split(a=100, b=0) if aim == "a" else split(a=0, b=100)
    return replace(make_group(target, stable=None), strategy=Strategy.CANARY)


def _make_pass(day: Day, chance: random.Random, at: int, aim: str, persons: bool) -> None:
    group_day = day.group_day
    before, now = group_day.state, NOON + at * group_day.world.read_seconds
    group_day.group = _to_group(aim)
    seen = Observation(request=_ask(chance, before, at)) if persons else Observation()
    observed = group_day.observe(now, NOON, seen)
    day.inputs.append((observed, now, aim))
    after = group_day.advance(observed, now).state
    changed = before.serving is not None and not is_same(before.serving, after.serving)
    if changed and after.history[-1].number <= before.decisions:
        day.unexplained += 1
    if before.phase in ACTIVE and after.phase not in ACTIVE:
        newest = after.history[-1]
        by = "by hand" if newest.by else "by evidence"
        day.outcomes.append("Reverted" if newest.act is Act.REVERT else f"{after.phase} {by}")
    group_day.state = to_state(to_text(after))


def _ask(chance: random.Random, state: RolloutState, at: int) -> Request | None:
    """Now and then a person asks for something; a pause is more often ended than begun."""
    if state.pause is not None and chance.random() < 0.1:
        return Request(Verb.RESUME, f"t{at}", by="ann")
    if not state.active or chance.random() > 0.01:
        return None
    verb = chance.choice(VERBS)
    wanted = split(a=60, b=40)
    return Request(verb, f"t{at}", state.id, "ann", step=True, split=wanted, seconds=300.0)
