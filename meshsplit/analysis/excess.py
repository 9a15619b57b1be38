"""How much more often than stable the canary fails, at most: what decides how far its weight may go.

One e-process a margin δ against p_c ≥ p_s + δ with θ_c = θ_s. A margin is rejected when its process is at 20
and every larger margin is rejected too; the bound is the smallest rejected one, 1 when there is none. The
hypotheses are nested, and the true one of the largest margin stops the run of rejections, so the bound is too
small with probability at most 1/20, whenever it is read. A rejected margin stays rejected.
"""

import math
from dataclasses import dataclass

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.promote import log_safety
from meshsplit.analysis.rules import Line

MARGINS = (
    *(0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02),
    *(0.014, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001),
)
CONFIDENCE_NEEDED = math.log(20.0)
NO_BOUND = 1.0

_LINES = tuple(Line(1.0, margin) for margin in MARGINS)


@dataclass(frozen=True, slots=True)
class Excess:
    """How many margins are rejected, largest first, and ln E of the others."""

    rejected: int = 0
    log_evidence: tuple[float, ...] = (0.0,) * len(MARGINS)

    @property
    def bound(self) -> float:
        """The canary's rate less stable's, at most."""
        return MARGINS[self.rejected - 1] if self.rejected else NO_BOUND


def narrow(excess: Excess, counts: Counts, theta_s: float, phi: float) -> Excess:
    """The bound after one more read."""
    open_lines = _LINES[excess.rejected :]
    after = [
        before + log_safety(counts, theta_s, line, phi)
        for before, line in zip(excess.log_evidence, open_lines, strict=True)
    ]
    run = next((at for at, value in enumerate(after) if value < CONFIDENCE_NEEDED), len(after))
    return Excess(excess.rejected + run, tuple(after[run:]))
