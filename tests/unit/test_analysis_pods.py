"""Evidence of harm without each pod of the canary: a sick pod, or a bad version."""

from dataclasses import replace

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.guess import Past
from meshsplit.analysis.trial import Trial, begin, step
from meshsplit.analysis.verdict import Decision
from support.analysis import ERRORS, ONE_METRIC, read_of

HEALTHY = Counts(130, 1, 270, 3)
OUTAGE = Counts(130, 65, 270, 3)
KNOWN = {ERRORS: (Past(30_000, 300),)}


def trial_of_pods(sick: dict[str, tuple[float, float]]) -> tuple[Trial, Decision, str | None]:
    counts = Counts(
        sum(requests for requests, _ in sick.values()), sum(bad for _, bad in sick.values()), 400, 4
    )
    read = replace(read_of(counts), pods={ERRORS: sick})
    trial, verdict = step(begin(ONE_METRIC, KNOWN), read, ONE_METRIC)
    return trial, verdict.decision, verdict.suspect


def test_one_sick_pod_of_three_holds_and_is_named() -> None:
    _, decision, suspect = trial_of_pods({"a": (40, 0), "b": (40, 30), "c": (40, 1)})
    assert decision is Decision.CONTINUE
    assert suspect == "b"


def test_a_bad_version_is_bad_in_every_pod() -> None:
    _, decision, suspect = trial_of_pods({"a": (40, 20), "b": (40, 22), "c": (40, 18)})
    assert decision is Decision.ROLLBACK
    assert suspect is None


def test_of_two_pods_none_can_be_told_from_the_version() -> None:
    assert trial_of_pods({"a": (60, 0), "b": (60, 30)})[1] is Decision.ROLLBACK


def test_a_pod_that_appears_later_has_served_nothing_before() -> None:
    first, _, _ = trial_of_pods({"a": (40, 1), "b": (40, 1), "c": (40, 1)})
    read = replace(read_of(Counts(160, 2, 400, 4)), pods={ERRORS: {"a": (40, 1), "d": (40, 0)}})
    after, _ = step(first, read, ONE_METRIC)
    assert [each.pod for each in after.metrics[0][0].without] == ["a", "b", "c", "d"]
