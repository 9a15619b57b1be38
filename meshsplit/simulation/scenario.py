"""The schema of a scenario: `kind: Scenario`, cli.meshsplit.dev/v1alpha1."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.api.fields import MAX_COUNT, MAX_ENTRIES, Count, Duration, Name, Percent, PositiveDuration
from meshsplit.api.problems import to_problems
from meshsplit.api.wire import StrictWire, checked
from meshsplit.diagnostics import Finding
from meshsplit.model import FULL
from meshsplit.policy import to_seconds
from meshsplit.simulation.quantities import is_rate, is_traffic, to_rate
from meshsplit.simulation.world import Phase, Phases

Rate = Annotated[str, checked(is_rate, "a rate such as 0.2% or 0.002")]
Traffic = Annotated[str, checked(is_traffic, "traffic such as 120rps")]


class RatePhase(StrictWire):
    """An error rate while the canary's weight (percent) and the time are within bounds."""

    rate: Rate
    from_weight: Percent = 0
    until_weight: Percent = FULL
    after: Duration | None = None


class Expect(StrictWire):
    """What the rollout has to come to."""

    outcome: Literal["Promoted", "RolledBack", "Inconclusive"] | None = None
    max_weight_reached: Percent | None = None
    max_failed_requests: Count | None = None
    within: Duration | None = None


Errors = Rate | Annotated[list[RatePhase], Field(min_length=1, max_length=MAX_ENTRIES)]


class Scenario(StrictWire):
    """What a rollout is played against."""

    api_version: Literal["cli.meshsplit.dev/v1alpha1"]
    kind: Literal["Scenario"]
    split: Annotated[str, Field(min_length=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 0
    traffic: Traffic
    stable: Name | None = None
    errors: Annotated[dict[Name, Errors], Field(min_length=2, max_length=2)]
    icc: Rate | None = None
    drift: Rate | None = None
    lag: Duration | None = None
    read_interval: PositiveDuration | None = None
    expect: Expect | None = None


def to_scenario(body: object) -> Scenario | tuple[Finding, ...]:
    """Read a scenario, or say with MSP007 what is wrong with it (paths, but no object)."""
    try:
        scenario = Scenario.model_validate(body)
    except ValidationError as error:
        problems = to_problems(error, Scenario)
        return tuple(Finding("MSP007", p.message, None, p.path, fix=p.fix) for p in problems)
    if scenario.stable is not None and scenario.stable not in scenario.errors:
        names = " or ".join(scenario.errors)
        message = f"stable is {scenario.stable}, which is not in errors"
        return (Finding("MSP007", message, None, ("stable",), fix=f"write {names}"),)
    return scenario


def to_phases(errors: str | list[RatePhase]) -> Phases:
    """The phases of one member."""
    if isinstance(errors, str):
        return (Phase(to_rate(errors) or 0.0),)
    return tuple(_to_phase(phase) for phase in errors)


def _to_phase(phase: RatePhase) -> Phase:
    after = to_seconds(phase.after)
    bounds = (phase.from_weight * FULL_WEIGHT // FULL, phase.until_weight * FULL_WEIGHT // FULL)
    rate = to_rate(phase.rate) or 0.0
    return Phase(rate, *bounds) if after is None else Phase(rate, *bounds, after)


def stable_of(errors: Mapping[str, object], named: str | None) -> str:
    """Which of two members is the stable one: the one that is named, else the first."""
    return named if named is not None and named in errors else next(iter(errors))
