r"""Evidence of harm: a test martingale against "the canary was never worse than the line".

    E = cash + Σ_k q_k S_k,      S_k ← (S_k + π_t) f_k^(1/φ),      cash = 1 − Σ π

f_k is the factor of one read (`evidence.py`) for the k-th guess of `guess.py`, q_k its share. Money π_t joins
before the read it is bet on, and depends only on the past, so E is a non-negative supermartingale that starts
at 1 while the hypothesis holds: each f_k^(1/φ) has mean at most 1 (Jensen, φ ≥ 1). By Ville's inequality
P(E ever reaches 1/α) ≤ α, however often anybody looks. E is never reset within a rollout.

Most of the money starts at once; some at each weight change, for faults of load; some is spread over the
first two hours, so that a fault which begins late need not first win back what was lost while all was well.
"""

from dataclasses import dataclass
from operator import add

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.evidence import log_factor
from meshsplit.analysis.guess import LOG_SHARES, guess_rises
from meshsplit.analysis.logs import NEVER, log_add, log_of, log_sum
from meshsplit.analysis.rules import Line, Shape

AT_FIRST_READ = 0.70
AT_WEIGHT_CHANGE = 0.02
WEIGHT_CHANGES = 10
SPREAD = 0.10
SPREAD_READS = 480
"""Two hours of reads every 15 s."""


@dataclass(frozen=True, slots=True)
class Harm:
    """The process after some reads: how many, at how many weight changes money joined, and ln S_k."""

    reads: int = 0
    changes: int = 0
    log_wealth: tuple[float, ...] = ()

    def log_evidence(self, shape: Shape) -> float:
        """Return ln E; 0 before the first read."""
        if not self.log_wealth:
            return 0.0
        staked = map(add, LOG_SHARES[shape], self.log_wealth)
        return log_sum([log_of(self._cash()), *staked])

    def _cash(self) -> float:
        """What has not been bet yet, from the counts, so that no rounding adds up over reads."""
        spent = AT_WEIGHT_CHANGE * self.changes + SPREAD * min(self.reads, SPREAD_READS) / SPREAD_READS
        return max(1.0 - AT_FIRST_READ - spent, 0.0)


def bet(
    harm: Harm, counts: Counts, theta_s: float, line: Line, shape: Shape, phi: float, moved: bool
) -> Harm:
    """The process after one more read; `moved` when it is the first one at another weight."""
    joins = moved and harm.reads > 0 and harm.changes < WEIGHT_CHANGES
    joined = log_of(_joining(harm.reads, joins))
    before = harm.log_wealth or (NEVER,) * len(LOG_SHARES[shape])
    n_c, e_c, n_s, e_s = _unpack(counts)
    after = []
    for wealth, guess in zip(before, guess_rises(shape, line, theta_s), strict=True):
        staked = log_add(wealth, joined) if joined > NEVER else wealth
        if guess is not None:
            staked += log_factor(n_c, e_c, n_s, e_s, guess, theta_s, line.ratio, line.add) / phi
        after.append(staked)
    return Harm(harm.reads + 1, harm.changes + joins, tuple(after))


def _joining(reads: int, joins: bool) -> float:
    """π_t."""
    money = AT_WEIGHT_CHANGE if joins else 0.0
    if reads == 0:
        money += AT_FIRST_READ
    return money + (SPREAD / SPREAD_READS if reads < SPREAD_READS else 0.0)


def _unpack(counts: Counts) -> tuple[float, float, float, float]:
    return counts.canary_requests, counts.canary_bad, counts.stable_requests, counts.stable_bad
