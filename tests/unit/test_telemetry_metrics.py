"""The metrics, read back from the text a scraper gets."""

import json

import pytest

from meshsplit.kube.workqueue import WorkQueue
from meshsplit.telemetry.metrics import RESULTS, Metrics
from support.fake_api import FakeTime
from support.metrics import make_status, series_of, value_of

CONTROLLER = "modelsplit"


def test_a_queue_is_measured_as_client_go_does() -> None:
    time, metrics = FakeTime(), Metrics()
    queue = WorkQueue[str](clock=time.clock, random=lambda: 0.5)
    metrics.watch_queue(CONTROLLER, queue)
    queue.add("a")
    queue.add("b")
    time.now += 2.0
    assert queue.get() == "a"
    time.now += 3.0
    assert queue.get() == "b"
    time.now += 4.0

    def value(name: str) -> float | None:
        return value_of(metrics.registry, f"workqueue_{name}", name=CONTROLLER)

    assert (value("adds_total"), value("depth"), value("retries_total")) == (2, 0, 0)
    assert value("unfinished_work_seconds") == pytest.approx(7.0 + 4.0)
    assert value("longest_running_processor_seconds") == pytest.approx(7.0)
    assert value("queue_duration_seconds_sum") == pytest.approx(2.0 + 5.0)
    queue.done("a")
    queue.add_rate_limited("a")
    assert value("work_duration_seconds_sum") == pytest.approx(7.0)
    assert value("work_duration_seconds_count") == 1
    assert value("unfinished_work_seconds") == pytest.approx(4.0)
    assert value("retries_total") == 1


def test_a_queue_of_the_same_name_takes_over() -> None:
    metrics = Metrics()
    first, second = WorkQueue[str](), WorkQueue[str]()
    metrics.watch_queue(CONTROLLER, first)
    metrics.watch_queue(CONTROLLER, second)
    first.add("a")
    assert value_of(metrics.registry, "workqueue_depth", name=CONTROLLER) == 0


def test_passes_are_counted_by_result() -> None:
    time = FakeTime()
    metrics = Metrics(clock=time.clock)
    metrics.add_controller(CONTROLLER, workers=4)

    def value(name: str, **labels: str) -> float | None:
        return value_of(metrics.registry, f"controller_runtime_{name}", controller=CONTROLLER, **labels)

    assert [value("reconcile_total", result=result) for result in RESULTS] == [0, 0, 0, 0]
    assert (value("max_concurrent_reconciles"), value("reconcile_errors_total")) == (4, 0)
    with metrics.reconciling(CONTROLLER) as measured:
        assert value("active_workers") == 1
        time.now += 0.3
        measured.result = "requeue_after"
    with pytest.raises(RuntimeError), metrics.reconciling(CONTROLLER):
        raise RuntimeError
    assert [value("reconcile_total", result=result) for result in RESULTS] == [1, 0, 1, 0]
    assert (value("active_workers"), value("reconcile_errors_total")) == (0, 1)
    assert value("reconcile_time_seconds_sum") == pytest.approx(0.3)
    assert value("reconcile_time_seconds_bucket", le="0.25") == 1
    assert value("reconcile_time_seconds_bucket", le="0.35") == 2
    assert value_of(metrics.registry, "meshsplit_reconcile_seconds_count") == 2


def test_requests_and_the_lead() -> None:
    metrics = Metrics()
    metrics.answered("GET", 200)
    metrics.answered("GET", 0)
    metrics.set_leading("meshsplit", leads=True)
    assert value_of(metrics.registry, "rest_client_requests_total", method="GET", code="200") == 1
    assert value_of(metrics.registry, "rest_client_requests_total", method="GET", code="<error>") == 1
    assert value_of(metrics.registry, "leader_election_master_status", name="meshsplit") == 1
    metrics.set_leading("meshsplit", leads=False)
    assert value_of(metrics.registry, "leader_election_master_status", name="meshsplit") == 0


def test_series_of_a_split_come_change_and_go() -> None:
    metrics = Metrics()
    metrics.record("models", "mnist", make_status(("v1", 0, 90), ("v2", 100, 10)))
    metrics.record("fraud", "scorer", make_status(("blue", 100, 100)))

    def weight(member: str, kind: str) -> float | None:
        labels = {"namespace": "models", "split": "mnist", "member": member, "kind": kind}
        return value_of(metrics.registry, "meshsplit_weight", **labels)

    def ready(reason: str) -> float | None:
        labels = {"namespace": "models", "split": "mnist", "reason": reason}
        return value_of(metrics.registry, "meshsplit_ready", **labels)

    assert [weight(name, kind) for name in ("v1", "v2") for kind in ("target", "current")] == [0, 90, 100, 10]
    assert (ready("Steady"), ready("Invalid")) == (1, None)
    metrics.record("models", "mnist", make_status(("v1", 0, 90), ready="False"))
    assert (weight("v2", "current"), ready("Steady"), ready("Invalid")) == (None, None, 0)
    metrics.record("models", "mnist", None)
    left = [labels for name, labels in series_of(metrics.registry) if name.startswith("meshsplit_weight")]
    assert {dict(labels)["split"] for labels in left} == {"scorer"}
    metrics.record("models", "mnist", None)


def test_weights_are_in_percent_also_of_a_split_in_per_mille() -> None:
    metrics = Metrics()
    metrics.record("ns", "g", make_status(("a", 1000, 995), total=1000))
    labels = {"namespace": "ns", "split": "g", "member": "a"}
    assert value_of(metrics.registry, "meshsplit_weight", kind="current", **labels) == pytest.approx(99.5)


def test_what_is_not_known_has_no_series() -> None:
    metrics = Metrics()
    metrics.record("ns", "g", json.dumps({"members": [{"name": "a", "weight": 100}]}))
    names = [(name, dict(labels)) for name, labels in series_of(metrics.registry)]
    assert [labels["kind"] for name, labels in names if name == "meshsplit_weight"] == ["current"]
    assert not [name for name, _ in names if name == "meshsplit_ready"]


def test_an_unknown_ready_is_not_ready() -> None:
    metrics = Metrics()
    metrics.record(
        "ns", "g", json.dumps({"conditions": [{"type": "Ready", "status": "Unknown", "reason": "New"}]})
    )
    assert value_of(metrics.registry, "meshsplit_ready", namespace="ns", split="g", reason="New") == 0
