"""Two controllers on one Lease: one writes, the other waits; and what each tells of itself over HTTP."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from meshsplit.controller.manager import Manager, Options
from meshsplit.local.apiserver.faults import Fault
from meshsplit.model import Settings
from support.history import recording
from support.scene import Api, Scene, make_replica
from support.waiting import DEADLINE_SECONDS, eventually

LEASES = "/leases"


@contextmanager
def replicas(scene: Scene) -> Iterator[tuple[Manager, Manager]]:
    """Two that elect in the test's own namespace; the first one leads."""
    first, second = (make_replica(scene, listen=("127.0.0.1", 0)) for _ in range(2))
    first.start()
    eventually(lambda: first.is_leader, "the first one leads")
    second.start()
    try:
        yield first, second
    finally:
        first.stop()
        second.stop()


def test_one_works_and_the_other_takes_over_when_it_stops(scene: Scene) -> None:
    scene.pair()
    with recording(scene) as history, replicas(scene) as (first, second):
        scene.serves("mnist-v1=80,mnist-v2=20")
        eventually(lambda: second.why_not_ready() is None, "the standby is ready")
        assert (first.is_leader, second.is_leader) == (True, False)
        assert ask(first, "/readyz") == (200, "ok\n")
        assert ask(second, "/readyz") == (200, "ok\n")
        assert not second.wait_synced(0.0)
        leads = 'leader_election_master_status{name="meshsplit"}'
        eventually(lambda: metric(first, leads) == "1.0", "the first one tells that it leads")
        first.stop()
        eventually(lambda: second.is_leader, "the standby leads")
        scene.edit("mnist-v1", "60")
        scene.edit("mnist-v2", "40")
        scene.serves("mnist-v1=60,mnist-v2=40")
        eventually(lambda: metric(second, leads) == "1.0", "the second one tells that it leads")
    assert first.failure is None
    assert history.splits("mnist-splitting") == ["mnist-v1=80,mnist-v2=20", "mnist-v1=60,mnist-v2=40"]


def test_a_leader_that_cannot_renew_writes_no_more_before_another_does(faulty: Scene) -> None:
    faulty.pair()
    with replicas(faulty) as (first, second):
        faulty.serves("mnist-v1=80,mnist-v2=20")
        faulty.says("Ready", "True", "Steady")
        faulty.api.faults.add(Fault(path=f"{faulty.namespace}{LEASES}", method="PATCH", code=500, times=0))
        eventually(lambda: first.failure is not None, "the leader gives up")
        assert not first.is_leader
        assert not second.is_leader, "the Lease is not over yet"
        assert ask(first, "/healthz") == (503, f"{first.failure}\n")
        faulty.edit("mnist-v1", "60")
        faulty.edit("mnist-v2", "40")
        for key in first.cache.keys_in(faulty.namespace):
            first.queue.add(key)
        assert first.queue.wait_drained(DEADLINE_SECONDS)
        assert faulty.weights() == "mnist-v1=80,mnist-v2=20"
        faulty.api.faults.clear()
        eventually(lambda: second.is_leader, "the other one leads")
        faulty.serves("mnist-v1=60,mnist-v2=40")


def test_the_pages_say_what_is_waited_for(faulty: Scene) -> None:
    faulty.api.faults.add(Fault(path="/modelsplits$", method="GET", code=403, times=0))
    options = Options(settings=Settings(), leader_election=False, listen=("127.0.0.1", 0))
    manager = Manager(faulty.api.configuration, options)
    manager.start()
    try:
        told = "waiting for a list of modelsplits (403 Forbidden"
        # At first other lists are waited for too.
        eventually(lambda: ask(manager, "/readyz")[1].startswith(told), "the reason is told")
        assert ask(manager, "/readyz")[0] == 503
        assert ask(manager, "/healthz") == (200, "ok\n")
        faulty.api.faults.clear()
        eventually(lambda: ask(manager, "/readyz") == (200, "ok\n"), "it is ready")
        depth = 'workqueue_depth{name="modelsplit"}'
        eventually(lambda: depth in ask(manager, "/metrics")[1], "the queue is measured")
    finally:
        manager.stop()


def test_without_an_api_server_a_controller_is_healthy_and_waits(api: Api) -> None:
    configuration = type(api.configuration)(host="http://127.0.0.1:9")
    options = Options(settings=Settings(), leader_election=False, listen=("127.0.0.1", 0))
    manager = Manager(configuration, options)
    manager.start()
    try:
        assert ask(manager, "/healthz") == (200, "ok\n")
        told = "waiting for an answer about virtualservices (no answer"
        eventually(lambda: ask(manager, "/readyz")[1].startswith(told), "the reason is told")
        assert ask(manager, "/readyz")[0] == 503
    finally:
        manager.stop()


def ask(manager: Manager, path: str) -> tuple[int, str]:
    """Status and text of one of the pages."""
    url = f"http://127.0.0.1:{manager.port}{path}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metric(manager: Manager, name: str) -> str:
    """The value of one series."""
    lines = [line for line in ask(manager, "/metrics")[1].splitlines() if line.startswith(name)]
    assert len(lines) == 1, name
    return lines[0].rpartition(" ")[2]
