r"""How bursty errors are: the intra-class correlation that widens every comparison of counts.

Errors come in bursts: requests of one read fail or succeed together more than chance has it. Stable's pods,
in two halves A and B that serve the same traffic, show by how much. In a block the difference of their rates
has variance p(1−p)(1/n_A + 1/n_B)(1−ICC) + 2p(1−p)·ICC, so with n_h = n_A n_B/(n_A+n_B)

    D = Σ n_h (e_A/n_A − e_B/n_B)² / Σ p̂ (1−p̄)  ≈  1 + 2·ICC·n_h,        ICC = max(0, D − 1 + SE) / 2n_h

(for equal halves D = Σ(e_A−e_B)²/Σ(e_A+e_B)/(1−p̄)). One standard error is added, since too small an ICC costs
validity and too large a one only time. Blocks of three lengths are tried, because bursts longer than a read
hide in short blocks. The factor f of a read becomes f^(1/φ) with φ = 1 + 2·ICC·n_c n_s/(n_c+n_s): for counts
without bursts that is still an e-value (Jensen), for bursty ones ln f is scaled to its true spread, as the
quasi-likelihood of Wedderburn (Biometrika 61, 1974) does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

BLOCK_SECONDS = (15.0, 60.0, 300.0)
"""Lengths of blocks that are tried; the largest ICC counts."""
FEWEST_BLOCKS = 8
"""Below this many blocks of a length a standard error means nothing, and the length is left out."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Requests and bad events of two halves of stable's pods, over the same seconds."""

    requests_a: float
    bad_a: float
    requests_b: float
    bad_b: float

    def __add__(self, other: "Halves") -> "Halves":
        return Halves(
            self.requests_a + other.requests_a,
            self.bad_a + other.bad_a,
            self.requests_b + other.requests_b,
            self.bad_b + other.bad_b,
        )


def estimate_icc(blocks: Sequence[Halves], seconds: float) -> float:
    """The largest ICC over the lengths of blocks, from 4 to 24 h of consecutive reads of `seconds` each.

    0.0 when there is too little to tell, or no error at all.
    """
    lengths = sorted({max(1, round(length / seconds)) for length in BLOCK_SECONDS})
    return max((_icc_of(_merge(blocks, length)) for length in lengths), default=0.0)


def _merge(blocks: Sequence[Halves], length: int) -> list[Halves]:
    """Blocks of `length` consecutive ones; what is left over at the end is dropped."""
    source = iter(blocks)
    merged = []
    while len(chunk := list(islice(source, length))) == length:
        total = chunk[0]
        for block in chunk[1:]:
            total += block
        merged.append(total)
    return merged


def _icc_of(blocks: Sequence[Halves]) -> float:
    used = [block for block in blocks if block.requests_a > 0 and block.requests_b > 0]
    requests = sum(block.requests_a + block.requests_b for block in used)
    bad = sum(block.bad_a + block.bad_b for block in used)
    if len(used) < FEWEST_BLOCKS or bad <= 0 or bad >= requests:
        return 0.0
    good = 1.0 - bad / requests
    pairs = [(_squared(block), _rate(block) * good) for block in used]
    expected = sum(under for _, under in pairs)
    d = sum(squared for squared, _ in pairs) / expected
    error = math.sqrt(sum((squared - d * under) ** 2 for squared, under in pairs)) / expected
    size = sum(_effective(block) * _rate(block) for block in used) / sum(map(_rate, used))
    return min(max(0.0, d - 1.0 + error) / (2.0 * size), 1.0)


def _squared(block: Halves) -> float:
    difference = block.bad_a / block.requests_a - block.bad_b / block.requests_b
    return _effective(block) * difference * difference


def _effective(block: Halves) -> float:
    """n_h."""
    return block.requests_a * block.requests_b / (block.requests_a + block.requests_b)


def _rate(block: Halves) -> float:
    return (block.bad_a + block.bad_b) / (block.requests_a + block.requests_b)
