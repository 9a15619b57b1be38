from hypothesis import given
from hypothesis import strategies as st

from meshsplit.kube.backoff import Backoff

BACKOFF = Backoff(base=0.005, cap=300.0)


def test_it_doubles_up_to_the_cap() -> None:
    delays = [BACKOFF.delay(failures, lambda: 0.5) for failures in (0, 1, 2, 15, 16, 10**9)]
    assert delays == [0.005, 0.01, 0.02, 163.84, 300.0, 300.0]


@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0.0, max_value=1.0, exclude_max=True))
def test_it_is_spread_by_a_fifth_to_either_side(failures: int, draw: float) -> None:
    middle = BACKOFF.delay(failures, lambda: 0.5)
    assert 0.8 * middle <= BACKOFF.delay(failures, lambda: draw) * (1 + 1e-9)
    assert BACKOFF.delay(failures, lambda: draw) <= 1.2 * middle * (1 + 1e-9)
