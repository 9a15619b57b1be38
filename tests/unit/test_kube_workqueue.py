"""The workqueue: against a model one step at a time, and with threads."""

import threading
from collections import Counter, deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meshsplit.kube.workqueue import TokenBucket, WorkQueue
from support.fake_api import FakeTime
from support.waiting import DEADLINE_SECONDS, eventually

KEYS = st.sampled_from("abcd")
MIDDLE = 0.5
"""A draw that leaves a jittered delay as it is."""


def make_queue(time: FakeTime, bucket: TokenBucket | None = None) -> WorkQueue[str]:
    return WorkQueue(clock=time.clock, random=lambda: MIDDLE, bucket=bucket)


class QueueMachine(RuleBasedStateMachine):
    """client-go's three sets (queue, dirty, processing) and its waiting map, kept by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.time = FakeTime()
        self.queue = make_queue(self.time, TokenBucket(rate=1e9, burst=1e9))
        self.waiting: deque[str] = deque()
        self.dirty: set[str] = set()
        self.working: set[str] = set()
        self.due: dict[str, tuple[float, int]] = {}
        self.wishes = 0
        self.failures: Counter[str] = Counter()
        self.over = False

    def want(self, key: str) -> None:
        if not self.over and key not in self.dirty:
            self.dirty.add(key)
            if key not in self.working:
                self.waiting.append(key)

    def want_after(self, key: str, seconds: float) -> None:
        if not self.over:
            self.wishes += 1
            new = (self.time.now + seconds, self.wishes)
            if key not in self.due or new[0] < self.due[key][0]:
                self.due[key] = new

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.queue.add(key)
        self.want(key)

    @rule(key=KEYS, seconds=st.integers(min_value=1, max_value=20))
    def add_after(self, key: str, seconds: int) -> None:
        self.queue.add_after(key, seconds)
        self.want_after(key, seconds)

    @rule(key=KEYS)
    def add_after_no_time(self, key: str) -> None:
        self.queue.add_after(key, 0)
        self.want(key)

    @rule(key=KEYS)
    def add_rate_limited(self, key: str) -> None:
        self.queue.add_rate_limited(key)
        self.want_after(key, min(300.0, 0.005 * 2 ** self.failures[key]))
        self.failures[key] += 1

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        self.queue.forget(key)
        self.failures[key] = 0
        self.due.pop(key, None)

    @rule(seconds=st.integers(min_value=1, max_value=15))
    def time_passes(self, seconds: int) -> None:
        self.time.now += seconds

    @rule()
    def get(self) -> None:
        for (due, _), key in sorted((when, key) for key, when in self.due.items()):
            if due <= self.time.now:
                del self.due[key]
                self.want(key)
        got = self.queue.get(timeout=0)
        assert got == (self.waiting[0] if self.waiting else None)
        if got is not None:
            self.waiting.popleft()
            self.dirty.remove(got)
            assert got not in self.working
            self.working.add(got)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.queue.done(key)
        self.working.remove(key)
        if key in self.dirty:
            self.waiting.append(key)

    @rule(often=st.integers(min_value=0, max_value=9))
    def shut_down(self, often: int) -> None:
        if often == 0:
            self.queue.shut_down()
            self.over = True
            self.due.clear()

    @invariant()
    def counts(self) -> None:
        assert self.queue.depth == len(self.waiting)
        assert len(self.queue.unfinished) == len(self.working)
        assert all(self.queue.failures(key) == self.failures[key] for key in "abcd")
        assert self.queue.wait_drained(timeout=0) == (not self.waiting and not self.working)
        assert self.queue.is_shut_down == self.over


QueueMachine.TestCase.settings = settings(deadline=None, max_examples=150, stateful_step_count=40)
TestWorkQueue = QueueMachine.TestCase


def test_a_key_added_while_it_is_worked_on_is_worked_on_once_more() -> None:
    queue = make_queue(FakeTime())
    queue.add("a")
    assert queue.get(timeout=0) == "a"
    queue.add("a")
    queue.add("a")
    assert queue.get(timeout=0) is None
    queue.done("a")
    assert queue.get(timeout=0) == "a"
    queue.done("a")
    assert queue.get(timeout=0) is None


def test_done_without_get_is_a_mistake() -> None:
    queue = make_queue(FakeTime())
    queue.add("a")
    with pytest.raises(KeyError):
        queue.done("a")


def test_of_several_delays_the_shortest_counts() -> None:
    time = FakeTime()
    queue = make_queue(time)
    queue.add_after("a", 10.0)
    queue.add_after("a", 3.0)
    queue.add_after("a", 5.0)
    time.now += 3.0
    assert queue.get(timeout=0) == "a"
    queue.done("a")
    time.now += 20.0
    assert queue.get(timeout=0) is None


def test_a_failing_key_waits_longer_each_time_until_it_is_forgotten() -> None:
    time = FakeTime()
    queue = make_queue(time)

    def wait() -> float:
        queue.add_rate_limited("a")
        before = time.now
        while (key := queue.get(timeout=0)) is None:
            time.now += 0.005
        queue.done(key)
        return time.now - before

    waits = [wait() for _ in range(5)]
    queue.forget("a")
    assert [*waits, wait()] == pytest.approx([0.005, 0.01, 0.02, 0.04, 0.08, 0.005], abs=0.0051)
    assert queue.retries == 6


def test_the_bucket_holds_back_many_keys_that_fail_at_once() -> None:
    time = FakeTime()
    queue = make_queue(time, TokenBucket(rate=10.0, burst=3.0))
    for key in "abcdef":
        queue.add_rate_limited(key)
    times: list[float] = []
    while len(times) < 6:
        if queue.get(timeout=0):
            times.append(round(time.now - 1000.0, 2))
        else:
            time.now += 0.01
    assert times == pytest.approx([0.01, 0.01, 0.01, 0.1, 0.2, 0.3], abs=0.011)


def test_a_failure_may_have_to_wait_longer_than_its_backoff() -> None:
    time = FakeTime()
    queue = make_queue(time)
    queue.add_rate_limited("a", 7.0)
    time.now += 6.9
    assert queue.get(timeout=0) is None
    time.now += 0.2
    assert queue.get(timeout=0) == "a"


def test_the_bucket_saves_no_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=10.0, burst=2.0)
    assert [bucket.reserve(0.0) for _ in range(4)] == pytest.approx([0.0, 0.0, 0.1, 0.2])
    assert [bucket.reserve(1000.0) for _ in range(3)] == pytest.approx([0.0, 0.0, 0.1])


def test_what_it_measures() -> None:
    time = FakeTime()
    queue = make_queue(time)
    waited: list[float] = []
    worked: list[float] = []
    queue.on_waited = waited.append
    queue.on_worked = worked.append
    queue.add("a")
    queue.add("a")
    time.now += 2.0
    assert queue.depth == 1
    assert queue.get() == "a"
    queue.add("a")
    time.now += 3.0
    assert queue.unfinished == (3.0,)
    queue.done("a")
    queue.get()
    assert (waited, worked, queue.adds, queue.depth) == ([2.0, 3.0], [3.0], 2, 0)


def test_shut_down_gives_out_what_is_queued_and_wakes_those_who_wait() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("a", "b"):
        queue.add(key)
    queue.add_after("later", 1000.0)
    assert queue.get() == "a"
    queue.add("a")
    queue.shut_down()
    queue.add("new")
    assert queue.get() == "b"
    queue.done("b")
    queue.done("a")
    # Wanted again before the end: still owed.
    assert not queue.wait_drained(timeout=0)
    assert queue.get() == "a"
    queue.done("a")
    assert queue.wait_drained(timeout=0)
    assert queue.get() is None


def test_a_waiting_worker_is_woken_by_a_key_a_delay_and_the_end() -> None:
    queue: WorkQueue[str] = WorkQueue()
    got: list[str] = []

    def work() -> None:
        while (key := queue.get()) is not None:
            got.append(key)
            queue.done(key)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    queue.add("now")
    eventually(lambda: got == ["now"])
    queue.add_after("much later", 1000.0)
    queue.add_after("later", 0.05)
    eventually(lambda: got == ["now", "later"])
    queue.shut_down()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()
    assert got == ["now", "later"]


def test_many_threads_never_work_on_one_key_at_the_same_time_and_lose_nothing() -> None:
    queue: WorkQueue[int] = WorkQueue()
    busy: set[int] = set()
    clashes: list[int] = []
    # What a worker has to do for a key; it must find each wish that was made before it was woken.
    wishes: Counter[int] = Counter()
    seen: Counter[int] = Counter()

    def work() -> None:
        while (key := queue.get()) is not None:
            if key in busy:
                clashes.append(key)
            busy.add(key)
            seen[key] = wishes[key]
            busy.discard(key)
            queue.done(key)

    def want() -> None:
        for number in range(2000):
            key = number % 7
            with lock:
                wishes[key] += 1
            queue.add(key) if number % 3 else queue.add_after(key, 0.0001)

    lock = threading.Lock()
    workers = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    writers = [threading.Thread(target=want, daemon=True) for _ in range(3)]
    for thread in workers + writers:
        thread.start()
    for thread in writers:
        thread.join(DEADLINE_SECONDS)
    eventually(lambda: seen == wishes, "the last wish of each key")
    queue.shut_down()
    assert queue.wait_drained(DEADLINE_SECONDS)
    for thread in workers:
        thread.join(DEADLINE_SECONDS)
    assert clashes == []
    assert seen == wishes
