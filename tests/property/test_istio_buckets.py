import re
from itertools import accumulate

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsplit.istio.buckets import BUCKETS, DIGITS, BucketRange, make_ranges, make_regex
from support.strategies import weights

REQUEST_IDS = [f"{bucket:0{DIGITS}x}f1d2c3-9a4b-4c5d-8e6f-0123456789ab" for bucket in range(BUCKETS)]

shares = st.sampled_from([100, 1000]).flatmap(
    lambda total: st.integers(2, 10).flatmap(lambda size: weights(size, total, least=1))
)


def owners(list_of_weights: list[int]) -> list[int]:
    """Which range takes each bucket, by the regexes alone; the last range takes what no regex matches."""
    regexes = [re.compile(make_regex(each)) for each in make_ranges(tuple(list_of_weights))[:-1]]
    last = len(regexes)
    return [
        next((place for place, regex in enumerate(regexes) if regex.fullmatch(identity)), last)
        for identity in REQUEST_IDS
    ]


@pytest.mark.parametrize("percent", range(1, 100))
def test_two_members_share_every_bucket_and_are_off_by_less_than_the_stated_error(percent: int) -> None:
    taken = owners([percent, 100 - percent]).count(0)
    assert abs(100 * taken / BUCKETS - percent) <= 0.0122 + 1e-4


@settings(max_examples=60)
@given(shares)
def test_regexes_take_exactly_the_buckets_of_their_ranges(list_of_weights: list[int]) -> None:
    ranges = make_ranges(tuple(list_of_weights))
    assert ranges[0].first == 0
    assert ranges[-1].last == BUCKETS - 1
    assert [each.first for each in ranges[1:]] == [each.last + 1 for each in ranges[:-1]]
    expected = [place for place, each in enumerate(ranges) for _ in range(each.first, each.last + 1)]
    assert owners(list_of_weights) == expected
    for place in range(len(ranges) - 1):
        exact = re.compile(make_regex(ranges[place]))
        assert [bool(exact.fullmatch(each)) for each in REQUEST_IDS] == [owner == place for owner in expected]


@given(shares)
def test_every_boundary_is_off_by_at_most_half_a_bucket_and_nobody_gets_none(
    list_of_weights: list[int],
) -> None:
    total = sum(list_of_weights)
    ranges = make_ranges(tuple(list_of_weights))
    for each, cumulative in zip(ranges, accumulate(list_of_weights), strict=True):
        assert abs((each.last + 1) - cumulative * BUCKETS / total) <= 0.5
        assert each.last >= each.first


@settings(max_examples=60)
@given(shares, st.data())
def test_a_share_that_grows_at_the_cost_of_the_last_moves_requests_one_way_only(
    before: list[int], data: st.DataObject
) -> None:
    grown = data.draw(st.integers(0, len(before) - 2))
    step = data.draw(st.integers(0, before[-1] - 1))
    after = [*before]
    after[grown] += step
    after[-1] -= step
    moves = list(zip(owners(before), owners(after), strict=True))
    assert all(new <= old for old, new in moves)
    assert all(new == grown for old, new in moves if old == grown)


@given(st.integers(0, BUCKETS - 1), st.integers(0, BUCKETS - 1))
def test_the_regex_of_any_range_is_re2_and_matches_the_whole_id(one: int, other: int) -> None:
    first, last = sorted((one, other))
    regex = re2.compile(make_regex(BucketRange(first, last)))
    for bucket in {0, max(first - 1, 0), first, (first + last) // 2, last, min(last + 1, BUCKETS - 1)}:
        assert bool(regex.fullmatch(REQUEST_IDS[bucket])) == (first <= bucket <= last)


def test_the_regex_of_a_first_range_is_at_most_35_characters() -> None:
    assert max(len(make_regex(BucketRange(0, last))) for last in range(BUCKETS - 1)) == 35
