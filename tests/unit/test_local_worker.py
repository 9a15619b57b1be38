"""A worker works at its start, after changes and when it asked to, until it fails or is stopped."""

import threading

import pytest

from meshsplit.local.apiserver.inside import Changes
from meshsplit.local.apiserver.stream import Bells
from meshsplit.local.worker import Worker
from support.waiting import DEADLINE_SECONDS, eventually

KIND = ("", "configmaps")


class Passes:
    """Work that is counted, and asks to be called again after `seconds`."""

    def __init__(self, seconds: float | None = None) -> None:
        self.count = 0
        self.seconds = seconds
        self.problem: Exception | None = None

    def __call__(self) -> float | None:
        self.count += 1
        if self.problem is not None:
            raise self.problem
        return self.seconds


def make_changes() -> tuple[Bells, Changes]:
    bells = Bells()
    changes = Changes(frozenset({KIND}), bells)
    changes.open()
    return bells, changes


def test_it_has_worked_when_start_returns_and_works_after_a_change() -> None:
    bells, changes = make_changes()
    work = Passes()
    worker = Worker("test", changes, work)
    worker.start()
    assert work.count == 1
    bells.ring([KIND])
    eventually(lambda: work.count == 2, "a pass after the change")
    worker.stop()
    worker.stop()
    worker.require_running()


def test_it_comes_back_when_it_said_so() -> None:
    work = Passes(seconds=0.001)
    worker = Worker("test", make_changes()[1], work)
    worker.start()
    eventually(lambda: work.count >= 3, "passes without a change")
    worker.stop()


def test_an_error_at_its_start_is_raised_there() -> None:
    work = Passes()
    work.problem = ValueError("at first")
    worker = Worker("test", make_changes()[1], work)
    with pytest.raises(ValueError, match="at first"):
        worker.start()
    worker.stop()


def test_a_later_error_ends_it_and_is_kept() -> None:
    bells, changes = make_changes()
    work = Passes()
    worker = Worker("test", changes, work)
    worker.start()
    work.problem = ValueError("later")
    bells.ring([KIND])
    eventually(lambda: not _is_well(worker), "the error")
    with pytest.raises(ValueError, match="later"):
        worker.require_running()
    worker.stop()


def test_stop_ends_a_wait_at_once() -> None:
    worker = Worker("test", make_changes()[1], Passes(seconds=DEADLINE_SECONDS))
    worker.start()
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    stopping.join(DEADLINE_SECONDS / 2)
    assert not stopping.is_alive()


def _is_well(worker: Worker) -> bool:
    try:
        worker.require_running()
    except ValueError:
        return False
    return True
