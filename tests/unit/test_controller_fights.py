"""How often an object that somebody else keeps changing is written again."""

from itertools import pairwise

from meshsplit.controller.fights import FREE_REPAIRS, LONGEST_PAUSE_SECONDS, PEACE_SECONDS, Fights

VS = ("VirtualService", "ns", "g-splitting")


def repair(fights: Fights, now: float, wanted: bytes = b"x") -> float:
    """Write as soon as that is allowed; when that was."""
    now += fights.pause(VS, wanted, now)
    fights.note(VS, wanted, now)
    return now


def test_a_few_edits_are_repaired_at_once() -> None:
    fights = Fights()
    assert [repair(fights, 100.0) for _ in range(1 + FREE_REPAIRS)] == [100.0] * (1 + FREE_REPAIRS)


def test_repairs_of_an_endless_fight_become_rare() -> None:
    fights, now, times = Fights(), 0.0, []
    for _ in range(40):
        now = repair(fights, now)
        times.append(now)
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_other_content_is_written_at_once() -> None:
    fights, now = Fights(), 0.0
    for _ in range(10):
        now = repair(fights, now)
    assert fights.pause(VS, b"y", now) == 0.0


def test_an_object_that_was_left_alone_starts_over() -> None:
    fights, now = Fights(), 0.0
    for _ in range(10):
        now = repair(fights, now)
    now += PEACE_SECONDS + 1
    assert [repair(fights, now) - now for _ in range(FREE_REPAIRS)] == [0.0] * FREE_REPAIRS


def test_a_deleted_object_is_forgotten() -> None:
    fights, now = Fights(), 0.0
    for _ in range(10):
        now = repair(fights, now)
    fights.forget(VS)
    assert fights.pause(VS, b"x", now) == 0.0
