"""A rollout's state as JSON: stopped anywhere, continued anywhere; and what is no such state."""

import json
import math
from dataclasses import replace

import pytest

from meshsplit.analysis.checkpoint import CannotContinue, to_plain, to_trial
from meshsplit.analysis.counts import Counts
from meshsplit.analysis.guess import Past
from meshsplit.analysis.rules import MetricRule, Rules
from meshsplit.analysis.trial import begin, step
from support.analysis import ERRORS, ONE_METRIC, draw_reads, feed, read_of

HEALTHY = Counts(130, 1, 270, 3)
OUTAGE = Counts(130, 65, 270, 3)
KNOWN = {ERRORS: (Past(30_000, 300),)}


@pytest.mark.parametrize("icc", [0.0, 0.01])
def test_a_rollout_stopped_anywhere_and_continued_from_json_is_the_same(icc: float) -> None:
    reads = [replace(read, icc={ERRORS: icc}) for read in draw_reads(4, 24, 0.03, 0.02)]
    reads[7] = replace(reads[7], pods={ERRORS: {"a": (3, 1), "b": (4, 0)}})
    whole, verdicts = feed(begin(ONE_METRIC, KNOWN), reads)
    trial, kept = begin(ONE_METRIC, KNOWN), []
    for read in reads:
        trial = to_trial(json.loads(json.dumps(to_plain(trial, ONE_METRIC), allow_nan=False)), ONE_METRIC)
        trial, verdict = step(trial, read, ONE_METRIC)
        kept.append(verdict)
    assert trial == whole
    assert kept == verdicts


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 0),
        (("metrics",), {}),
        (("metrics", ERRORS), []),
        (("metrics", ERRORS, 0, "past"), [1]),
        (("metrics", ERRORS, 0, "past"), ["1", 2]),
        (("metrics", ERRORS, 0, "past"), [math.nan, 2]),
        (("metrics", ERRORS, 0, "harm", "logWealth"), [0.0]),
        (("metrics", ERRORS, 0, "logExcess"), None),
    ],
)
def test_a_checkpoint_of_something_else_cannot_be_continued(
    path: tuple[str | int, ...], value: object
) -> None:
    trial, _ = feed(begin(ONE_METRIC), [read_of(HEALTHY)])
    plain = json.loads(json.dumps(to_plain(trial, ONE_METRIC)))
    inner = plain
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    with pytest.raises(CannotContinue):
        to_trial(plain, ONE_METRIC)


def test_a_checkpoint_of_other_metrics_cannot_be_continued() -> None:
    plain = to_plain(begin(ONE_METRIC), ONE_METRIC)
    with pytest.raises(CannotContinue, match="latency"):
        to_trial(plain, Rules((MetricRule("latency"),)))
