"""A recorded Prometheus range query as reads: what the rule would have done."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.analysis.counters import Cursor, SeriesKey, difference
from meshsplit.analysis.counters import Sample as CounterSample
from meshsplit.analysis.counts import Counts
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.simulation.play import Observed

COUNTERS = ("good", "bad")
"""The two queries of a metric: requests that were fine, and those that were not."""
MEMBER = "member"
"""The label that tells members apart."""


class NotARecording(ValueError):  # noqa: N818 - it says what was found
    """The file is not what Prometheus answers to range queries of both counters; the message says where."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Counter values by series and time, the members found, and the canary's weight by time."""

    samples: tuple[CounterSample, ...]
    members: tuple[str, ...]
    weights: tuple[tuple[float, int], ...] = ()

    def weight_at(self, at: float, default: int) -> int:
        """The canary's weight at a time, in thousandths."""
        return next((weight for since, weight in reversed(self.weights) if since <= at), default)

    def changes_between(self, start: float, end: float) -> bool:
        """Whether the weight changed after `start` and before `end`."""
        return any(start < since < end for since, _ in self.weights)


def to_recording(body: Any) -> Recording:
    """Read `{"good": ANSWER, "bad": ANSWER, "weights": [[time, percent], …]}`.

    ANSWER is the answer to /api/v1/query_range, one or more series a member. NotARecording for anything else.
    """
    if not isinstance(body, Mapping):
        raise NotARecording("want a map with good and bad")
    by_time: dict[float, dict[SeriesKey, float]] = {}
    members = set()
    for counter in COUNTERS:
        for at, (labels, values) in enumerate(_to_series(body, counter)):
            key = SeriesKey(str(labels[MEMBER]), f"{counter} {at}")
            members.add(key.pod)
            for time, value in values:
                by_time.setdefault(time, {})[key] = value
    samples = tuple(CounterSample(time, by_time[time]) for time in sorted(by_time))
    return Recording(samples, tuple(sorted(members)), _to_weights(body.get("weights", [])))


def _to_series(
    body: Mapping[str, Any], counter: str
) -> Iterator[tuple[Mapping[str, Any], list[tuple[float, float]]]]:
    try:
        answer = body[counter]
        if answer["data"]["resultType"] != "matrix":
            raise NotARecording(f"{counter}.data.resultType is {answer['data']['resultType']}, want matrix")
        for at, series in enumerate(answer["data"]["result"]):
            if MEMBER not in series["metric"]:
                raise NotARecording(f"{counter}.data.result[{at}].metric has no label {MEMBER}")
            yield series["metric"], [(float(time), float(value)) for time, value in series["values"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise NotARecording(f"{counter} is no answer to a range query: {error!r}") from error


def _to_weights(pairs: Any) -> tuple[tuple[float, int], ...]:
    try:
        weights = [(float(at), round(float(percent) * FULL_WEIGHT / 100)) for at, percent in pairs]
    except (TypeError, ValueError) as error:
        raise NotARecording(f"weights is no list of [time, percent]: {error}") from error
    if any(not 0 <= weight <= FULL_WEIGHT or not math.isfinite(at) for at, weight in weights):
        raise NotARecording("weights: want percentages from 0 to 100")
    return tuple(sorted(weights))


def to_reads(recording: Recording, stable: str, canary: str, weight: int) -> Iterator[Observed]:
    """The increments between samples as reads; times are seconds since the first sample.

    Samples that give no evidence give no read. `weight` holds where the recording has none.
    """
    cursor, start = Cursor(), recording.samples[0].at if recording.samples else 0.0
    for sample in recording.samples:
        since = sample.at if cursor.at is None else cursor.at
        in_force = recording.weight_at(since, weight)
        cursor, increments = difference(cursor, sample, recording.changes_between(since, sample.at))
        if increments is None:
            continue
        sums = {
            (member, counter): sum(
                value
                for key, value in increments.items()
                if key.pod == member and key.name.startswith(counter)
            )
            for member in (canary, stable)
            for counter in COUNTERS
        }
        counts = Counts(
            sums[canary, "good"] + sums[canary, "bad"],
            sums[canary, "bad"],
            sums[stable, "good"] + sums[stable, "bad"],
            sums[stable, "bad"],
        )
        yield Observed(counts, in_force, sample.at - start)
