"""Whether counted answers are what chance makes of a split."""

from scipy.stats import chisquare

from meshsplit.local.traffic import Tally


def assert_shares(tally: Tally, percents: dict[str, int]) -> None:
    """No failure, and the counts are what chance makes of these percentages (p > 0.001)."""
    assert tally.failed == 0
    served = dict(tally.served)
    assert served.keys() == {member for member, percent in percents.items() if percent}
    wanted = [tally.total * percents[member] / 100 for member in served]
    assert chisquare(list(served.values()), wanted).pvalue > 0.001, served
