"""The verbs beside a running controller: an edit, what it does, and what is said about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshsplit.cli import kinds
from meshsplit.controller.manager import Manager, Options
from meshsplit.kube.client import load_configuration
from meshsplit.model import Settings
from support.live import EVERYTHING, PERCENT, Live, live_cluster, make_namespace, write_example
from support.metrics import Series, parse, read
from support.waiting import DEADLINE_SECONDS, eventually

NAMESPACE = "modelmesh-apps"
SYSTEM = "meshsplit-system"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Live, Manager]]:
    """The example in a cluster, and a controller that has begun to work on it."""
    with live_cluster(tmp_path, *EVERYTHING) as own:
        own.write(kinds.NAMESPACES, make_namespace(SYSTEM))
        write_example(own)
        options = Options(settings=Settings(), listen=("127.0.0.1", 0))
        manager = Manager(load_configuration(str(own.kubeconfig)), options)
        manager.start()
        try:
            assert manager.wait_synced(DEADLINE_SECONDS)
            yield own, manager
        finally:
            manager.stop()


def edit(live: Live, name: str, percent: str) -> None:
    patch = {"metadata": {"annotations": {PERCENT: percent}}}
    live.client("kubectl-edit").patch(kinds.INFERENCE_SERVICES, NAMESPACE, name, patch)


def row(live: Live) -> list[str]:
    """The cells of the group's row, columns with spaces in them taken apart."""
    lines = live.run("get", "-n", NAMESPACE).stdout.splitlines()
    return next((line.split() for line in lines if line.startswith("ai-model ")), [])


def show_metrics(manager: Manager) -> Series:
    return parse(read(f"http://127.0.0.1:{manager.port}/metrics"))


def test_from_an_edit_to_its_explanation(live: tuple[Live, Manager]) -> None:
    cluster, manager = live
    eventually(lambda: row(cluster)[2:3] == ["Steady"], "the group to be steady")
    assert row(cluster)[3:8] == ["ai-model-one", "ai-model-two", "80", "/", "20"]
    eventually(lambda: cluster.run("diff", "--live").exit_code == 0, "every route to be written")
    status = cluster.run("status", "ai-model", "-n", NAMESPACE).stdout
    assert "└─ ai-model-two        VirtualService    ✔ Written" in status
    assert "├─ ai-model-splitting  VirtualService    ✔ Accepted" in status

    edit(cluster, "ai-model-one", "60")
    eventually(lambda: row(cluster)[2:3] == ["Invalid"], "the wrong sum to be told")
    assert row(cluster)[5:8] == ["80", "/", "20!"]
    told = cluster.run("explain", "ai-model", "-n", NAMESPACE).stdout
    assert "(MSP101)" in told
    assert "kubectl-edit" in told
    assert told.endswith("Next: meshsplit explain MSP101\n")
    assert cluster.run("check", "-n", NAMESPACE).stdout.count("in need of attention") == 1

    edit(cluster, "ai-model-two", "40")
    eventually(lambda: row(cluster)[5:8] == ["60", "/", "40"], "the new split to serve")
    eventually(lambda: cluster.run("diff", "--live").exit_code == 0, "every route to be written")
    labels = {"namespace": NAMESPACE, "split": "ai-model", "member": "ai-model-two", "kind": "current"}
    weight = ("meshsplit_weight", tuple(sorted(labels.items())))
    # The series follow the status.
    eventually(lambda: show_metrics(manager).get(weight) == 40, "the new weight in the metrics")
    series = show_metrics(manager)
    requests = {labels for name, labels in series if name == "rest_client_requests_total"}
    assert (("code", "200"), ("method", "GET")) in requests
    assert (("code", "201"), ("method", "PATCH")) in requests


def test_check_sees_the_controller_live_and_die(live: tuple[Live, Manager]) -> None:
    cluster, manager = live
    assert "✔ the controller is alive: " in cluster.run("check").stdout
    manager.stop()
    assert "✖ failure: no controller leads: Lease meshsplit-system/meshsplit" in cluster.run("check").stdout
