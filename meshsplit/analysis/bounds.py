r"""What no rule can beat: how many requests any test with error probability α needs on average.

Per request of both members, with a share w on the canary, a test that is right whatever stable's rate is
gains at most

    I(w) = min over c' of  w·KL(p_c ‖ ρ c' + δ) + (1−w)·KL(p_s ‖ c')

in ln E, so E[N] ≥ ln(1/α) / I(w) (Wald's inequality at the least favourable point of the hypothesis, which is
`evidence.null_point`). For rare errors and w → 0 the canary's excess failures alone count: an r-fold rise
cannot be told before ln(1/α)·(r−1)/(r ln r − r + 1) of them, whatever the traffic.
"""

import math

from meshsplit.analysis.evidence import null_point
from meshsplit.analysis.rules import Line

_SMALLEST, _LARGEST = 1e-12, 1.0 - 1e-12


def divergence(p: float, q: float) -> float:
    """KL(p ‖ q) of two Bernoulli rates, in nats."""
    first = p * math.log(p / q) if p > 0.0 else 0.0
    second = (1.0 - p) * math.log((1.0 - p) / (1.0 - q)) if p < 1.0 else 0.0
    return max(first + second, 0.0)


def information(weight: float, canary_rate: float, stable_rate: float, line: Line) -> float:
    """I(w), nats a request of both members; 0 for a canary on the line. `weight` in (0, 1)."""
    p_c, p_s = (min(max(rate, _SMALLEST), _LARGEST) for rate in (canary_rate, stable_rate))
    nearest = null_point(weight, 1.0 - weight, p_c, p_s, line.ratio, line.add)
    on_line = min(max(line.at(nearest), _SMALLEST), _LARGEST)
    return weight * divergence(p_c, on_line) + (1.0 - weight) * divergence(p_s, nearest)


def least_requests(
    weight: float, canary_rate: float, stable_rate: float, line: Line, error_rate: float
) -> float:
    """Canary requests that any test with this error probability needs on average; infinite on the line."""
    gain = information(weight, canary_rate, stable_rate, line)
    return weight * math.log(1.0 / error_rate) / gain if gain > 0.0 else math.inf


def least_excess_failures(ratio: float, error_rate: float) -> float:
    """Excess failures that an r-fold rise of rare errors costs before any test can tell; `ratio` above 1."""
    return math.log(1.0 / error_rate) * (ratio - 1.0) / (ratio * math.log(ratio) - ratio + 1.0)
