r"""Evidence of safety: an e-process against "the canary is bad", on reads at one weight.

    ln E = Σ ln f / φ,    θ_c = θ_s,    against p_c ≥ ρ₁ p_s + δ₁

E has mean at most 1 while the canary is bad, so P(E ever reaches 1/β) ≤ β. It starts anew whenever the weight
goes up, and only reads at the top weight may promote: pooled over all steps, up to 26 % of faults that appear
under load only slipped through; on fresh reads at most 2.8 %.
"""

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.evidence import log_factor
from meshsplit.analysis.rules import Line


def log_safety(counts: Counts, theta_s: float, line: Line, phi: float) -> float:
    """What one read adds to ln E; 0 where a canary as good as stable is not below the line."""
    if theta_s >= line.at(theta_s):
        return 0.0
    factor = log_factor(
        counts.canary_requests,
        counts.canary_bad,
        counts.stable_requests,
        counts.stable_bad,
        theta_s,
        theta_s,
        line.ratio,
        line.add,
    )
    return factor / phi
