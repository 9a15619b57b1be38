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

AT_WEIGHT_CHANGE = 0.02
WEIGHT_CHANGES = 10
"""Changes of weight for which money is kept, at most; with steps of the user's own, as many as will be."""
SPREAD = 0.10
SPREAD_READS = 480
"""Two hours of reads every 15 s."""


def at_first_read(changes: int = WEIGHT_CHANGES) -> float:
    """The money that is bet at once when `changes` of weight are to come: 0.70 for ten, 0.90 for none."""
    return 1.0 - SPREAD - AT_WEIGHT_CHANGE * changes


@dataclass(frozen=True, slots=True)
class Wager:
    """How a read is bet on: stable's guessed rate, the line and shape of the metric, the tempering.

    `moved` when it is the first read at another weight; `changes` of weight are to come in all, at most.
    """

    theta_s: float
    line: Line
    shape: Shape = Shape.RATE
    phi: float = 1.0
    moved: bool = False
    changes: int = WEIGHT_CHANGES


@dataclass(frozen=True, slots=True)
class Harm:
    """The process after some reads: how many, how many weight changes have got money, and ln S_k.

    `planned` is how many weight changes money is kept for, as the first read had it.
    """

    reads: int = 0
    changes: int = 0
    planned: int = WEIGHT_CHANGES
    log_wealth: tuple[float, ...] = ()

    def log_evidence(self, shape: Shape) -> float:
        """Return ln E; 0 before the first read."""
        if not self.log_wealth:
            return 0.0
        staked = map(add, LOG_SHARES[shape], self.log_wealth)
        return log_sum([log_of(self._cash()), *staked])

    def _cash(self) -> float:
        """What has not been bet yet, from the counts, so that no rounding adds up over reads."""
        kept = AT_WEIGHT_CHANGE * (self.planned - self.changes)
        return kept + SPREAD * max(SPREAD_READS - self.reads, 0) / SPREAD_READS


def bet(harm: Harm, counts: Counts, wager: Wager) -> Harm:
    """The process after one more read."""
    planned = harm.planned if harm.reads else min(wager.changes, WEIGHT_CHANGES)
    joins = wager.moved and harm.reads > 0 and harm.changes < planned
    joined = log_of(_joining(harm.reads, joins, planned))
    before = harm.log_wealth or (NEVER,) * len(LOG_SHARES[wager.shape])
    read = (counts.canary_requests, counts.canary_bad, counts.stable_requests, counts.stable_bad)
    theta_s, line, phi = wager.theta_s, wager.line, wager.phi
    after = []
    for wealth, guess in zip(before, guess_rises(wager.shape, line, theta_s), strict=True):
        staked = log_add(wealth, joined) if joined > NEVER else wealth
        if guess is not None:
            staked += log_factor(*read, guess, theta_s, line.ratio, line.add) / phi
        after.append(staked)
    return Harm(harm.reads + 1, harm.changes + joins, planned, tuple(after))


def _joining(reads: int, joins: bool, planned: int) -> float:
    """π_t."""
    money = AT_WEIGHT_CHANGE if joins else 0.0
    if reads == 0:
        money += at_first_read(planned)
    return money + (SPREAD / SPREAD_READS if reads < SPREAD_READS else 0.0)
