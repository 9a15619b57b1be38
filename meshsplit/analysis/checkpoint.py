"""A trial as plain JSON values and back, without loss: floats keep every bit, the logarithm of 0 is null."""

import math
from collections.abc import Mapping
from typing import Any

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.excess import MARGINS, Excess
from meshsplit.analysis.guess import LOG_SHARES, Past
from meshsplit.analysis.logs import NEVER
from meshsplit.analysis.metric import EdgeTest
from meshsplit.analysis.pods import Without
from meshsplit.analysis.rollback import Harm
from meshsplit.analysis.rules import Rules, Shape
from meshsplit.analysis.trial import Trial

VERSION = 1
"""Changes with the guesses and margins, on which the kept numbers depend."""


class CannotContinue(ValueError):  # noqa: N818 - it says what is not possible
    """A checkpoint is not one of this version, or not of these rules; a new test has to begin."""


def to_plain(trial: Trial, rules: Rules) -> dict[str, Any]:
    """The trial as dicts, lists, numbers, strings and None, ready for `json.dumps(…, allow_nan=False)`."""
    return {
        "version": VERSION,
        "weight": trial.weight,
        "metrics": {
            rule.name: [_from_edge(test) for test in tests]
            for rule, tests in zip(rules.metrics, trial.metrics, strict=True)
        },
    }


def to_trial(plain: Mapping[str, Any], rules: Rules) -> Trial:
    """The trial that `to_plain` wrote; CannotContinue for anything else."""
    try:
        return _read(plain, rules)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CannotContinue(f"the checkpoint cannot be continued: {error!r}") from error


def _read(plain: Mapping[str, Any], rules: Rules) -> Trial:
    if plain["version"] != VERSION:
        raise CannotContinue(f"version {plain['version']}, want {VERSION}")
    names = [rule.name for rule in rules.metrics]
    if list(plain["metrics"]) != names:
        raise CannotContinue(f"metrics {list(plain['metrics'])}, want {names}")
    metrics = tuple(
        tuple(_to_edge(edge, rule.shape) for edge in _exactly(plain["metrics"][rule.name], len(rule.edges)))
        for rule in rules.metrics
    )
    return Trial(metrics, _to_weight(plain["weight"]))


def _from_edge(test: EdgeTest) -> dict[str, Any]:
    return {
        "past": [test.past.requests, test.past.bad],
        "seen": _from_counts(test.seen),
        "fresh": _from_counts(test.fresh),
        "carried": _from_counts(test.carried),
        "harm": _from_harm(test.harm),
        "logSafety": test.safety,
        "rejected": test.excess.rejected,
        "logExcess": list(test.excess.log_evidence),
        "weight": test.weight,
        "without": {each.pod: _from_harm(each.harm) for each in test.without},
    }


def _to_edge(plain: Mapping[str, Any], shape: Shape) -> EdgeTest:
    requests, bad = plain["past"]
    rejected = int(plain["rejected"])
    return EdgeTest(
        past=Past(_number(requests), _number(bad)),
        seen=_to_counts(plain["seen"]),
        fresh=_to_counts(plain["fresh"]),
        carried=_to_counts(plain["carried"]),
        harm=_to_harm(plain["harm"], shape),
        safety=_number(plain["logSafety"]),
        excess=Excess(rejected, tuple(map(_number, _exactly(plain["logExcess"], len(MARGINS) - rejected)))),
        weight=_to_weight(plain["weight"]),
        without=tuple(
            Without(str(pod), _to_harm(harm, shape)) for pod, harm in sorted(plain["without"].items())
        ),
    )


def _from_harm(harm: Harm) -> dict[str, Any]:
    wealth = [None if value == NEVER else value for value in harm.log_wealth]
    return {"reads": harm.reads, "changes": harm.changes, "planned": harm.planned, "logWealth": wealth}


def _to_harm(plain: Mapping[str, Any], shape: Shape) -> Harm:
    reads = int(plain["reads"])
    wealth = [NEVER if value is None else _number(value) for value in plain["logWealth"]]
    length = len(LOG_SHARES[shape]) if reads else 0
    return Harm(reads, int(plain["changes"]), int(plain["planned"]), tuple(_exactly(wealth, length)))


def _from_counts(counts: Counts) -> list[float]:
    return [counts.canary_requests, counts.canary_bad, counts.stable_requests, counts.stable_bad]


def _to_counts(plain: list[float]) -> Counts:
    return Counts(*map(_number, plain))


def _to_weight(value: Any) -> int | None:
    return None if value is None else int(_number(value))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CannotContinue(f"{value!r} is not a number")
    return value


def _exactly(values: list[Any], length: int) -> list[Any]:
    if len(values) != length:
        raise CannotContinue(f"{len(values)} values, want {length}")
    return values
