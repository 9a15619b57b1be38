"""The rules that can be played, by name."""

from meshsplit.analysis.dispersion import estimate_icc
from meshsplit.analysis.forecast import HISTORY_SECONDS
from meshsplit.analysis.guess import Past
from meshsplit.analysis.walk import Course
from meshsplit.simulation.chance import Chance, draw_bursty, draw_poisson
from meshsplit.simulation.play import Rule
from meshsplit.simulation.rules.argo import Argo, ArgoSettings
from meshsplit.simulation.rules.fixed_z import FixedZ, FixedZSettings
from meshsplit.simulation.rules.flagger import Flagger, FlaggerSettings
from meshsplit.simulation.rules.kayenta import Kayenta, KayentaSettings
from meshsplit.simulation.rules.ours import Ours
from meshsplit.simulation.study import MakeRule
from meshsplit.simulation.world import World, draw_halves

OURS = "meshsplit"
NAMES = (OURS, "flagger", "argo", "kayenta", "fixed-z")

BURST_HISTORY_SECONDS = 4 * 3600.0
"""Stable's history from which burstiness is estimated, in worlds that have any."""


def make_rule_maker(name: str, course: Course) -> MakeRule:
    """What makes the rule `name` (one of NAMES); `course` is ours, the others have their defaults."""

    def make(world: World, chance: Chance) -> Rule:
        if name == "flagger":
            return Flagger(FlaggerSettings())
        if name == "argo":
            return Argo(ArgoSettings())
        if name == "kayenta":
            return Kayenta(KayentaSettings())
        if name == "fixed-z":
            return FixedZ(FixedZSettings())
        return make_ours(course, world, chance)

    return make


def make_ours(course: Course, world: World, chance: Chance, guard: bool = True) -> Ours:
    """Our rule after half an hour of stable's history, and after four hours of it where errors are bursty.

    Without `guard` burstiness is ignored.
    """
    icc = _estimate(world, chance) if guard and world.icc > 0.0 else 0.0
    return Ours(course, world.traffic, _draw_past(world, chance), icc)


def _draw_past(world: World, chance: Chance) -> Past:
    requests = draw_poisson(chance, world.traffic * HISTORY_SECONDS)
    rate = world.rates(0, -HISTORY_SECONDS / 2.0)[1]
    return Past(requests, draw_bursty(chance, requests, rate, 0.0))


def _estimate(world: World, chance: Chance) -> float:
    reads = int(BURST_HISTORY_SECONDS / world.read_seconds)
    blocks = [draw_halves(world, chance, -at * world.read_seconds) for at in range(reads, 0, -1)]
    return estimate_icc(blocks, world.read_seconds)
