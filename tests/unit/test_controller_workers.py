"""Workers: what becomes of a key whose work failed."""

import pytest

from meshsplit.controller.workers import Workers
from meshsplit.kube.leader import RETRY_SECONDS
from meshsplit.kube.port import ApiError, TooManyRequests, Unavailable
from meshsplit.kube.workqueue import WorkQueue
from meshsplit.model import GroupKey
from meshsplit.telemetry.metrics import Metrics

KEY = GroupKey("ns", "mnist")


class Noting(WorkQueue[GroupKey]):
    """Notes how long a key that failed has to wait at least, and how long one that is left for later."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.later: list[float] = []

    def add_rate_limited(self, key: GroupKey, at_least: float = 0.0) -> None:
        self.waits.append(at_least)

    def add_after(self, key: GroupKey, seconds: float) -> None:
        self.later.append(seconds)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Unavailable(500, "InternalError", "etcd"), 0.0),
        (TooManyRequests(429, "TooManyRequests", "slow down", 7.0), 7.0),
    ],
)
def test_a_key_that_failed_waits_as_long_as_the_server_asks(error: ApiError, seconds: float) -> None:
    def fail(_key: GroupKey, _failures: int) -> float:
        raise error

    queue = Noting()
    queue.add(KEY)
    workers = Workers("modelsplit", queue, fail, lambda: True, 1, Metrics())
    queue.shut_down()
    workers.start()
    workers.join()
    assert queue.waits == [seconds]


def test_who_may_not_work_works_on_nothing_and_asks_again_in_case_the_lead_is_renewed() -> None:
    queue = Noting()
    queue.add(KEY)
    worked: list[GroupKey] = []

    def work(key: GroupKey, _failures: int) -> float:
        worked.append(key)
        return 0.0

    workers = Workers("modelsplit", queue, work, lambda: False, 1, Metrics())
    queue.shut_down()
    workers.start()
    workers.join()
    assert worked == []
    assert queue.depth == 0
    assert queue.later == [RETRY_SECONDS]
