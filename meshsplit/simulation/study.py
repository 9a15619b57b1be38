"""Many rollouts of one kind, summed up with their Monte-Carlo errors."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from meshsplit.analysis.walk import Act
from meshsplit.simulation.chance import Chance
from meshsplit.simulation.play import Rule, Run, play
from meshsplit.simulation.world import World

MakeRule = Callable[[World, Chance], Rule]
"""Makes a rule for one rollout; the chance draws the history that some rules learn from."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over runs, its standard error, and over how many; `value` is None over none."""

    value: float | None
    error: float
    runs: int


@dataclass(frozen=True, slots=True)
class Summary:
    """How rollouts ended (shares of all), how long those took that ended so, and what all of them cost."""

    runs: int
    rolled_back: Mean
    promoted: Mean
    undecided: Mean
    seconds_to_promote: Mean
    seconds_to_rollback: Mean
    excess_failures: Mean
    failures: Mean
    canary_requests: Mean
    requests_to_rollback: Mean
    share: float
    """The canary's share of all requests."""


def play_many(
    world: World,
    make_rule: MakeRule,
    chances: Iterable[Chance],
    progress: Callable[[int], None] | None = None,
) -> list[Run]:
    """One run for each source of chance; `progress` is told how many are done."""
    runs = []
    for chance in chances:
        runs.append(play(world, make_rule(world, chance), chance))
        if progress is not None:
            progress(len(runs))
    return runs


def summarise(runs: Sequence[Run]) -> Summary:
    """The summary of at least one run."""
    back = [run for run in runs if run.act is Act.ROLLBACK]
    promoted = [run for run in runs if run.act is Act.PROMOTE]
    return Summary(
        len(runs),
        _share(len(back), len(runs)),
        _share(len(promoted), len(runs)),
        _share(len(runs) - len(back) - len(promoted), len(runs)),
        _mean([run.seconds for run in promoted]),
        _mean([run.seconds for run in back]),
        _mean([run.excess for run in runs]),
        _mean([run.canary_failures for run in runs]),
        _mean([run.canary_requests for run in runs]),
        _mean([run.canary_requests for run in back]),
        sum(run.canary_requests for run in runs) / max(sum(run.all_requests for run in runs), 1),
    )


def _share(hits: int, runs: int) -> Mean:
    """A share; its error is that of (hits + 1)/(runs + 2), so that none of many is not called certain."""
    near = (hits + 1) / (runs + 2)
    return Mean(hits / runs, math.sqrt(near * (1.0 - near) / runs), runs)


def _mean(values: Sequence[float]) -> Mean:
    if not values:
        return Mean(None, 0.0, 0)
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Mean(statistics.fmean(values), error, len(values))
