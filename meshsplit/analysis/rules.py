"""What is tested: lines of equal harm, one rule a metric, and the two error probabilities of a rollout."""

from dataclasses import dataclass
from enum import StrEnum

FALSE_ROLLBACK_RATE = 0.01
"""α: how often an acceptable canary may be rolled back, over the whole rollout."""
MISS_RATE = 0.05
"""β: how often a bad canary may be promoted."""


@dataclass(frozen=True, slots=True)
class Line:
    """The canary's rate that counts as equal: `ratio` times stable's rate plus `add`."""

    ratio: float = 1.0
    add: float = 0.0

    def at(self, stable_rate: float) -> float:
        """The canary's rate on the line; 1 or more where no canary can reach it."""
        return self.ratio * stable_rate + self.add


NO_WORSE = Line()
"""Default tolerance: any rise over stable is harm."""
TWICE = Line(2.0, 0.002)
"""Default margin: a canary is bad when it fails twice as often and 0.2 points more."""
STRICT_TWICE = Line(2.0)
"""The margin without the 0.2 points; where errors are rare it takes far longer to certify."""


class Shape(StrEnum):
    """What kind of rate a metric has, which decides which rises are looked for."""

    RATE = "Rate"
    """Bad events among requests: a rise by a factor."""
    TAIL = "Tail"
    """Requests above the edges of a latency histogram: a shift of the odds."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A threshold at which a metric is counted; `gates` when promotion has to be shown safe at it."""

    name: str = ""
    gates: bool = True


@dataclass(frozen=True, slots=True)
class MetricRule:
    """How one metric is judged.

    `harm`: a rate above this line is harm. `safe`: promotion needs evidence that the rate is below this line;
    None when the metric does not gate promotion. `share` is the metric's part of the false rollback rate; the
    shares of metrics that decide are scaled to add up to 1. A `dry_run` metric is reported and never decides.
    """

    name: str
    harm: Line = NO_WORSE
    safe: Line | None = TWICE
    shape: Shape = Shape.RATE
    edges: tuple[Edge, ...] = (Edge(),)
    share: float = 1.0
    dry_run: bool = False

    def __post_init__(self) -> None:
        if not self.edges:
            raise ValueError(f"metric {self.name} has no edge to be judged at")


@dataclass(frozen=True, slots=True)
class Rules:
    """The metrics of one rollout and its two error probabilities."""

    metrics: tuple[MetricRule, ...] = (MetricRule("error-rate"),)
    false_rollback_rate: float = FALSE_ROLLBACK_RATE
    miss_rate: float = MISS_RATE

    @property
    def harm_needed(self) -> float:
        """Evidence of harm at which to roll back, 1/α."""
        return 1.0 / self.false_rollback_rate

    @property
    def safety_needed(self) -> float:
        """Evidence of safety at which to promote, 1/β."""
        return 1.0 / self.miss_rate
