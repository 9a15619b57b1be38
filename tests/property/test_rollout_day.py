"""A day of rollouts in simulated time: canaries good and bad, with all that people do meanwhile.

`tests/bench/rollout_day.py` plays thousands.
"""

import random
from collections import Counter

from support.day import Day, play_day, replay

CANARIES = 60
RESTARTED = 12
MOST_WRONG_ROLLBACKS = 6
"""Of about 120 healthy rollouts 1 % are rolled back at most, on average: 6 or more have probability 1.5e-3 at
that limit, and simulated ones stay below a third of it."""


def count(days: list[Day]) -> Counter[tuple[bool, str]]:
    return Counter((day.bad, outcome) for day in days for outcome in day.outcomes)


def test_weights_move_with_a_reason_and_mostly_the_right_way() -> None:
    days = [play_day(random.Random(f"day {number}")) for number in range(CANARIES)]
    ends = count(days)
    assert sum(day.unexplained for day in days) == 0
    assert ends[False, "RolledBack by evidence"] < MOST_WRONG_ROLLBACKS
    assert ends[False, "Promoted by evidence"] > 10 * ends[False, "RolledBack by evidence"]
    assert ends[True, "RolledBack by evidence"] > 10 * ends[True, "Promoted by evidence"]


def test_a_day_in_a_process_that_dies_ends_like_one_in_a_process_that_does_not() -> None:
    for number in range(RESTARTED):
        day = play_day(random.Random(f"deaths {number}"))
        assert replay(day, random.Random(number)) == day.group_day.state
