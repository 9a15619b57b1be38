"""Whether counted answers are what chance makes of a split."""

from collections.abc import Callable

from scipy.stats import chisquare

from meshsplit.local.traffic import Tally

UNLIKELY = 0.001
"""A right split looks as wrong as this once in a thousand times; twice in a row, once in a million."""


def assert_shares(measure: Callable[[], Tally], percents: dict[str, int]) -> None:
    """No failure, and counts that chance makes of these percentages; measured again before it fails."""
    if _likelihood(measure(), percents) <= UNLIKELY:
        again = measure()
        assert _likelihood(again, percents) > UNLIKELY, again


def _likelihood(tally: Tally, percents: dict[str, int]) -> float:
    assert tally.failed == 0
    served = dict(tally.served)
    assert served.keys() == {member for member, percent in percents.items() if percent}
    wanted = [tally.total * percents[member] / 100 for member in served]
    return float(chisquare(list(served.values()), wanted).pvalue)
