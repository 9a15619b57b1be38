"""Kayenta's judge: one Mann-Whitney test over the values of a period.

github.com/spinnaker/kayenta, NetflixACAJudge and MannWhitneyClassifier: per-minute values of canary and
baseline; the 98 % interval of their shift (Hodges and Lehmann), with R's normal approximation and its
corrections for continuity and ties. The metric is High when the whole interval is above a quarter of the
estimated shift. Equal or constant values pass; without values there is no verdict.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

from meshsplit.analysis.counts import NOTHING
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.analysis.walk import Act
from meshsplit.simulation.play import Answer, Observed

_HALVINGS = 50


class Classification(StrEnum):
    """Kayenta's words."""

    PASS = "Pass"  # noqa: S105 - no password
    HIGH = "High"
    LOW = "Low"
    NO_DATA = "Nodata"


@dataclass(frozen=True, slots=True)
class KayentaSettings:
    """A judge's confidence and tolerance, and the period, weight and bucket (seconds) of the analysis."""

    confidence: float = 0.98
    tolerance: float = 0.25
    lifetime: float = 3600.0
    bucket: float = 60.0
    weight: int = 100


def classify(
    canary: Sequence[float], baseline: Sequence[float], confidence: float, tolerance: float
) -> Classification:
    """Compare the values of a metric whose rise or fall both matter."""
    if not canary or not baseline:
        return Classification.NO_DATA
    if sorted(canary) == sorted(baseline) or len({*canary, *baseline}) == 1:
        return Classification.PASS
    z = -NormalDist().inv_cdf((1.0 - confidence) / 2.0)
    low, high = _shift_at(canary, baseline, z), _shift_at(canary, baseline, -z)
    limit = tolerance * abs(_shift_at(canary, baseline, 0.0))
    if low > limit:
        return Classification.HIGH
    return Classification.LOW if high < -limit else Classification.PASS


def _shift_at(x: Sequence[float], y: Sequence[float], quantile: float) -> float:
    """The shift of x that leaves the standardised rank sum at `quantile`; it falls as the shift grows."""
    low, high = min(x) - max(y), max(x) - min(y)
    if standardised(x, y, low) <= quantile:
        return low
    if standardised(x, y, high) >= quantile:
        return high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if standardised(x, y, middle) > quantile:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def standardised(x: Sequence[float], y: Sequence[float], shift: float) -> float:
    """The rank sum of x less `shift` among y, as a normal score: towards 0 by half a rank, ties corrected."""
    moved = [value - shift for value in x]
    ranks, ties = _rank([*moved, *y])
    n, m = len(x), len(y)
    z = sum(ranks[:n]) - n * (n + 1) / 2 - n * m / 2
    correction = math.copysign(0.5, z) if z else 0.0
    spread = n + m + 1 - sum(t**3 - t for t in ties) / ((n + m) * (n + m - 1))
    return (z - correction) / math.sqrt(n * m / 12 * spread) if spread > 0 else 0.0


def _rank(values: Sequence[float]) -> tuple[list[float], list[int]]:
    """Mid-ranks, and how many values share each rank."""
    counts = Counter(values)
    rank_of, below = {}, 0
    for value in sorted(counts):
        rank_of[value] = below + (counts[value] + 1) / 2
        below += counts[value]
    return [rank_of[value] for value in values], list(counts.values())


class Kayenta:
    """One canary under Kayenta: a fixed weight, and one verdict at the end of the period."""

    def __init__(self, settings: KayentaSettings) -> None:
        self._settings = settings
        self.weight = settings.weight
        self._bucket, self._next = NOTHING, settings.bucket
        self._canary: list[float] = []
        self._baseline: list[float] = []

    def observe(self, read: Observed, now: float) -> Answer:
        """Gather error rates by bucket; judge once."""
        settings = self._settings
        self._bucket += read.counts
        if now >= self._next:
            self._keep()
            self._next += settings.bucket
        if now < settings.lifetime:
            return Answer(Act.HOLD, self.weight)
        found = classify(self._canary, self._baseline, settings.confidence, settings.tolerance)
        if found is Classification.HIGH:
            return Answer(Act.ROLLBACK, 0)
        if found is Classification.NO_DATA:
            return Answer(Act.INCONCLUSIVE, self.weight)
        return Answer(Act.PROMOTE, FULL_WEIGHT)

    def _keep(self) -> None:
        counts, self._bucket = self._bucket, NOTHING
        if counts.canary_requests:
            self._canary.append(counts.canary_bad / counts.canary_requests)
        if counts.stable_requests:
            self._baseline.append(counts.stable_bad / counts.stable_requests)
