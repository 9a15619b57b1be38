"""Rollouts' reads for tests of the decision rule, and exact expectations over them."""

import random
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.evidence import log_factor
from meshsplit.analysis.rules import MetricRule, Rules
from meshsplit.analysis.trial import Read, Trial, step
from meshsplit.analysis.verdict import Verdict

ERRORS = "error-rate"
ONE_METRIC = Rules((MetricRule(ERRORS),))

Floats = NDArray[np.float64]


def read_of(counts: Counts, weight: int = 100, top: bool = False, icc: float = 0.0) -> Read:
    """One read of the error rate."""
    return Read(weight, {ERRORS: (counts,)}, top, icc={ERRORS: icc})


def feed(trial: Trial, reads: Iterable[Read], rules: Rules = ONE_METRIC) -> tuple[Trial, list[Verdict]]:
    """The trial after some reads, and the verdict on each."""
    verdicts = []
    for read in reads:
        trial, verdict = step(trial, read, rules)
        verdicts.append(verdict)
    return trial, verdicts


def draw_reads(seed: int, count: int, canary: float, stable: float, requests: int = 400) -> list[Read]:
    """Reads with binomial errors at a few weights, going up."""
    rng = random.Random(seed)
    reads = []
    for at in range(count):
        weight = (20, 50, 150, 333)[min(at // 5, 3)]
        n_c = requests * weight // 1000
        n_s = requests - n_c
        e_c = sum(rng.random() < canary for _ in range(n_c))
        e_s = sum(rng.random() < stable for _ in range(n_s))
        reads.append(read_of(Counts(n_c, e_c, n_s, e_s), weight, top=weight == 333))
    return reads


def factors(n_c: int, n_s: int, theta_c: float, theta_s: float, rho: float, delta: float) -> Floats:
    """Return ln f of every outcome, canary's failures by stable's."""
    return np.array(
        [
            [log_factor(n_c, x, n_s, y, theta_c, theta_s, rho, delta) for y in range(n_s + 1)]
            for x in range(n_c + 1)
        ]
    )


def expectation(values: Floats, p_c: float, p_s: float) -> float:
    """The mean of values by outcome when both members' errors are binomial."""
    n_c, n_s = values.shape[0] - 1, values.shape[1] - 1
    chances = np.outer(binom.pmf(np.arange(n_c + 1), n_c, p_c), binom.pmf(np.arange(n_s + 1), n_s, p_s))
    return float((chances * values).sum())
