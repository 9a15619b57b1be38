"""A day of many canaries under everything at once."""

from support.fleetday import Day


def test_whatever_a_day_brings_no_weight_moves_without_a_reason_and_no_step_is_left_out() -> None:
    day = Day(16, seed=6, most=4)
    day.play()
    day.calm_down()
    wanted = ("kills", "clock jumps", "API faults", "Advance", "Promote", "Rollback", "Revert", "Restart")
    assert all(day.told[each] for each in (*wanted, "moves")), day.told
    assert day.told["most at a time"] == day.most
