"""Elections among fakes: the clock moves only when an elector sleeps."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshsplit.kube.leader import LEASE_SECONDS, RENEW_DEADLINE_SECONDS, RETRY_SECONDS, Elector
from meshsplit.kube.port import ApiError, Forbidden, Unavailable
from support.fake_api import FakeLeases, FakeTime

DOWN = Unavailable(0, "ConnectionFailed", "reset")
NOON = datetime(2026, 1, 2, 12, 0, 0, 250, tzinfo=UTC)


@dataclass
class Replica:
    """An elector that stops itself after so many sleeps; what happens is in `said`."""

    server: FakeLeases
    identity: str = "a"
    rounds: int = 3
    time: FakeTime = field(default_factory=FakeTime)
    draw: float = 0.0
    said: list[str] = field(default_factory=list)
    errors: list[ApiError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = self.server.of(self.identity)
        self.elector = Elector(
            self.api,
            "ns",
            "lock",
            self.identity,
            on_elected=lambda: self.said.append(f"elected {self.time.now:g}"),
            on_lost=lambda: self.said.append(f"lost {self.time.now:g}"),
            on_error=self.errors.append,
            clock=self.time.clock,
            now=lambda: NOON + timedelta(seconds=self.time.now),
            random=lambda: self.draw,
            sleep=self.sleep,
        )

    def sleep(self, stop: threading.Event, seconds: float) -> None:
        if len(self.time.sleeps) == self.rounds:
            self.elector.stop()
        self.time.sleep(stop, seconds)

    def run(self) -> "Replica":
        self.elector.run()
        return self


def held_by(server: FakeLeases, holder: str, **spec: Any) -> None:
    record = {"holderIdentity": holder, "leaseDurationSeconds": LEASE_SECONDS, "leaseTransitions": 4, **spec}
    server.write({"metadata": {"name": "lock"}, "spec": record})


def test_the_first_creates_the_lease_renews_it_and_releases_it() -> None:
    server = FakeLeases()
    specs: list[dict[str, Any]] = []
    server.after = lambda _who, _verb: specs.append(server.lease["spec"] if server.lease else {})
    replica = Replica(server, rounds=2).run()
    assert replica.said == ["elected 1000"]
    assert replica.api.verbs == ["get", "create", "get", "patch", "get", "patch", "patch"]
    assert specs[0] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-02T12:16:40.000250Z",
        "renewTime": "2026-01-02T12:16:40.000250Z",
        "leaseTransitions": 0,
    }
    assert specs[1] == {**specs[0], "renewTime": "2026-01-02T12:16:42.000250Z"}
    assert (specs[-1]["holderIdentity"], specs[-1]["leaseDurationSeconds"]) == ("", 1)
    assert replica.time.sleeps[:2] == [RETRY_SECONDS] * 2
    assert not replica.elector.is_leader


def test_a_lease_that_another_renews_is_never_taken() -> None:
    server = FakeLeases()
    held_by(server, "b", renewTime="0")
    replica = Replica(server, rounds=50)
    replica.time.on_sleep = lambda _seconds: held_by(server, "b", renewTime=str(replica.time.now))
    replica.run()
    assert replica.said == []
    assert set(replica.api.verbs) == {"get"}
    assert replica.elector.holder == "b"


@pytest.mark.parametrize("renewed", ["1999-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"])
def test_a_silent_holder_loses_it_by_our_clock_whatever_its_own_says(renewed: str) -> None:
    server = FakeLeases()
    held_by(server, "b", renewTime=renewed, acquireTime=renewed)
    replica = Replica(server, rounds=20).run()
    # Seen first at 1000, so free at 1015; asked every 2 s.
    assert replica.said == ["elected 1016"]


def test_the_holders_own_duration_counts() -> None:
    server = FakeLeases()
    held_by(server, "b", leaseDurationSeconds=60)
    assert Replica(server, rounds=40).run().said == ["elected 1060"]


def test_taking_over_is_a_transition() -> None:
    server = FakeLeases()
    held_by(server, "", acquireTime="then")
    specs: list[dict[str, Any]] = []
    server.after = lambda _who, _verb: specs.append(server.lease["spec"] if server.lease else {})
    replica = Replica(server, rounds=1).run()
    assert replica.said == ["elected 1000"]
    assert (specs[0]["leaseTransitions"], specs[1]["leaseTransitions"]) == (5, 5)
    assert specs[0]["acquireTime"] == specs[1]["acquireTime"] != "then"


def test_waiting_replicas_spread_their_looks() -> None:
    server = FakeLeases()
    held_by(server, "b")
    replica = Replica(server, rounds=2, draw=1.0).run()
    assert replica.time.sleeps == pytest.approx([RETRY_SECONDS * 2.2] * 3)


def test_a_released_lease_is_taken_at_the_next_look() -> None:
    server = FakeLeases()
    first = Replica(server, "a", rounds=1).run()
    second = Replica(server, "b", rounds=1).run()
    assert (first.said, second.said) == (["elected 1000"], ["elected 1000"])


def test_of_two_that_create_at_once_one_leads() -> None:
    server = FakeLeases()
    replica = Replica(server, rounds=2)

    def overtake(who: str, verb: str) -> None:
        if (who, verb) == ("a", "create"):
            held_by(server, "b")

    server.fault = overtake
    assert replica.run().said == []
    assert [error.reason for error in replica.errors] == ["AlreadyExists"]


def test_of_two_that_take_over_at_once_one_leads() -> None:
    server = FakeLeases()
    held_by(server, "")
    replica = Replica(server, rounds=2)

    def overtake(who: str, verb: str) -> None:
        if (who, verb) == ("a", "patch") and server.holder() == "":
            held_by(server, "b")

    server.fault = overtake
    assert replica.run().said == []
    assert [error.reason for error in replica.errors] == ["Conflict"]


def fail_after(server: FakeLeases, replica: Replica, when: float, error: ApiError) -> None:
    def fault(_who: str, _verb: str) -> None:
        if replica.time.now >= when:
            raise error

    server.fault = fault


@pytest.mark.parametrize("error", [DOWN, Forbidden(403, "Forbidden", "no"), Unavailable(500, "Internal", "")])
def test_a_leader_that_cannot_renew_gives_up_before_others_may_take_over(error: ApiError) -> None:
    server = FakeLeases()
    replica = Replica(server, rounds=50)
    fail_after(server, replica, 1003.0, error)
    replica.run()
    # Renewed last at 1002.
    assert replica.said == ["elected 1000", "lost 1012"]
    assert RENEW_DEADLINE_SECONDS < LEASE_SECONDS
    assert not replica.elector.is_leader
    assert server.holder() == "a"


def test_a_short_outage_costs_nothing() -> None:
    server = FakeLeases()
    replica = Replica(server, rounds=20)

    def fault(_who: str, _verb: str) -> None:
        if 1003.0 <= replica.time.now <= 1009.0:
            raise DOWN

    server.fault = fault
    assert replica.run().said == ["elected 1000"]
    assert len(replica.errors) == 3


def test_a_call_that_hangs_ends_the_lead_by_the_clock() -> None:
    """What asks `is_leader` before it writes must not wait for the call to come back."""
    server = FakeLeases()
    replica = Replica(server, rounds=5)
    seen: list[bool] = []

    def hang(_who: str, verb: str) -> None:
        if replica.said and verb == "get":
            replica.time.now += 7.0
            seen.append(replica.elector.is_leader)
            replica.time.now += 2.0
            seen.append(replica.elector.is_leader)
            raise DOWN

    server.fault = hang
    assert replica.run().said == ["elected 1000", "lost 1011"]
    assert seen == [True, False]


def test_time_spent_in_the_renewal_counts_against_the_lead() -> None:
    """Others count from when they see the renewal, we from before we sent it."""
    server = FakeLeases()
    replica = Replica(server, rounds=1)

    def slow(_who: str, verb: str) -> None:
        if verb != "patch":
            replica.time.now += 6.0 if replica.time.now < 1010.0 else 0.0

    server.fault = slow
    # Asked at 1000, created at 1012: too late to lead; renewed at 1014.
    assert replica.run().said == ["elected 1014"]
    assert replica.api.verbs[:4] == ["get", "create", "get", "patch"]


def test_a_lease_that_another_has_taken_is_lost_at_once() -> None:
    server = FakeLeases()
    replica = Replica(server, rounds=50)
    replica.time.on_sleep = lambda _seconds: held_by(server, "b")
    assert replica.run().said == ["elected 1000", "lost 1002"]
    assert server.holder() == "b"


def test_a_write_whose_answer_was_lost_is_found_to_be_ours() -> None:
    server = FakeLeases()
    replica = Replica(server, rounds=1)
    lost: list[str] = []

    def lose(_who: str, verb: str) -> None:
        if not lost:
            lost.append(verb)
            raise DOWN

    server.after = lose
    assert replica.run().said == ["elected 1002"]


def test_a_deleted_lease_is_made_again() -> None:
    server = FakeLeases()
    replica = Replica(server, rounds=3)

    def delete(_seconds: float) -> None:
        server.lease = None

    replica.time.on_sleep = delete
    assert replica.run().said == ["elected 1000"]
    assert replica.api.verbs.count("create") == 4


def test_a_lease_nobody_can_read_is_an_error_and_no_lead() -> None:
    server = FakeLeases()
    server.write({"metadata": {"name": "lock"}, "spec": {"leaseDurationSeconds": "soon"}})
    replica = Replica(server, rounds=1).run()
    assert replica.said == []
    assert {error.reason for error in replica.errors} == {"Unreadable"}


def test_stopping_a_waiting_replica_leaves_the_lease_alone() -> None:
    server = FakeLeases()
    held_by(server, "b")
    before = server.lease
    assert Replica(server, rounds=1).run().said == []
    assert server.lease == before


def test_a_release_that_fails_is_reported_and_no_more() -> None:
    server = FakeLeases()
    replica = Replica(server, rounds=0)

    def fault(_who: str, verb: str) -> None:
        if verb == "patch":
            raise DOWN

    server.fault = fault
    assert replica.run().said == ["elected 1000"]
    assert replica.errors == [DOWN]
    assert server.holder() == "a"
