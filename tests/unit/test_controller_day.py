"""A day of many canaries under everything at once, and one whose controller does nothing but die."""

from dataclasses import replace

from support.fleet import Body
from support.fleetday import CALM, WORLDS, Day


def test_whatever_a_day_brings_no_weight_moves_without_a_reason_and_no_step_is_left_out() -> None:
    day = Day(60, most=8)
    day.play()
    day.calm_down()
    wanted = ("kills", "clock jumps", "API faults", "Advance", "Promote", "Rollback", "Revert", "Restart")
    assert all(day.told[each] for each in (*wanted, "moves")), day.told
    assert day.told["most at a time"] == day.most


def test_a_controller_that_dies_at_its_writes_decides_as_one_that_lives() -> None:
    calm, deadly = walk_all(kill=0.0), walk_all(kill=0.05)
    assert not calm.told["kills"]
    assert deadly.told["kills"] > 10
    assert tell(deadly) == tell(calm)


def walk_all(kill: float) -> Day:
    """Every group walks, some into trouble; from when all have begun the controller dies that often."""
    day = Day(30, most=30, risks=CALM)
    day.tick()
    for number, name in enumerate(sorted(day.on_second)):
        day.edit(name, sorted(WORLDS)[number % len(WORLDS)])
    while len(day.audit.list_running()) < day.groups:
        day.tick()
    day.risks = replace(CALM, kill=kill)
    day.calm_down()
    return day


def tell(day: Day) -> dict[str, tuple[list[Body], Body]]:
    """What was done in every group, when and why, and the last decision with its evidence."""
    return {name: (status["history"], status["lastDecision"]) for name, status in day.audit.statuses.items()}
