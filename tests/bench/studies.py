"""Many simulated rollouts of one kind, and their figures as cells of a table with Monte-Carlo errors."""

import random
from collections.abc import Iterator

from meshsplit.analysis.walk import Course
from meshsplit.simulation.catalogue import OURS, make_rule_maker
from meshsplit.simulation.chance import Chance
from meshsplit.simulation.study import MakeRule, Mean, Summary, play_many, summarise
from meshsplit.simulation.world import Phase, World

SEED = 20260101


def world(traffic: float, stable: float, canary: float, **more: float) -> World:
    return World(traffic, (Phase(stable),), (Phase(canary),), **more)


def study(where: World, make: MakeRule, runs: int) -> Summary:
    chances: Iterator[Chance] = (random.Random(f"{SEED}/{run}") for run in range(runs))
    return summarise(play_many(where, make, chances))


def ours(course: Course) -> MakeRule:
    return make_rule_maker(OURS, course)


def percent(mean: Mean) -> str:
    return f"{100 * (mean.value or 0):.2f} ± {100 * mean.error:.2f}"


def minutes(mean: Mean) -> str:
    return "-" if mean.value is None else f"{mean.value / 60:.1f} ± {mean.error / 60:.1f}"


def figure(mean: Mean, digits: int = 1) -> str:
    return "-" if mean.value is None else f"{mean.value:,.{digits}f} ± {mean.error:,.{digits}f}"
