"""What a scenario expects of its rollout, and whether it came to that."""

from dataclasses import dataclass

from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act
from meshsplit.model import FULL
from meshsplit.policy import to_seconds
from meshsplit.simulation.play import Run
from meshsplit.simulation.scenario import Expect
from meshsplit.simulation.words import OUTCOMES, to_duration, to_weight


@dataclass(frozen=True, slots=True)
class Met:
    """One expectation: its name in the scenario, what was found against it, and whether that is enough."""

    name: str
    found: str
    met: bool


def check_expectations(expect: Expect | None, run: Run) -> tuple[Met, ...]:
    """Everything that is expected, in the order of the schema; () where nothing is."""
    if expect is None:
        return ()
    outcome, within = OUTCOMES.get(run.act, OUTCOMES[Act.INCONCLUSIVE]), to_seconds(expect.within)
    met = []
    if expect.outcome is not None:
        met.append(Met("outcome", outcome, outcome == expect.outcome))
    if expect.max_weight_reached is not None:
        fits = run.largest_weight <= expect.max_weight_reached * FULL_WEIGHT // FULL
        found = f"{to_weight(run.largest_weight)} {_sign(fits)} {expect.max_weight_reached}"
        met.append(Met("maxWeightReached", found, fits))
    if expect.max_failed_requests is not None:
        fits = run.canary_failures <= expect.max_failed_requests
        found = f"{run.canary_failures} {_sign(fits)} {expect.max_failed_requests}"
        met.append(Met("maxFailedRequests", found, fits))
    if within is not None:
        fits = run.seconds <= within
        met.append(Met("within", f"{to_duration(run.seconds)} {_sign(fits)} {expect.within}", fits))
    return tuple(met)


def _sign(fits: bool) -> str:
    return "≤" if fits else ">"


def to_line(met: tuple[Met, ...]) -> str:
    """All expectations on one line."""
    return "Expectations: " + "   ".join(f"{e.name} {e.found} {'✔' if e.met else '✘ not met'}" for e in met)
